// What an ordering page needs of the hub, in plain JavaScript.

const QUERY = `mutation Check($order: ImagingOrderInput!) {
  checkOrder(order: $order) {
    __typename
    ... on OrderCheck {
      tier
      reasons
      complete
      identityUnderReview
      best { study { description startedAt locations { site openUrl } } }
      coverage { siteName state }
    }
    ... on Refusal { code message }
    ... on InvalidInput { field }
  }
}`;

/** Ask the hub; throws with the hub's words when the question was not taken. */
export async function checkOrder(hub, token, order) {
  const answer = await fetch(`${hub}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: QUERY, variables: { order } }),
  });
  if (answer.status === 429) throw new Error("too many requests: wait a minute");
  const { data, errors } = await answer.json();
  if (errors) throw new Error(`${errors[0].message} (${errors[0].extensions.code})`);
  const said = data.checkOrder;
  if (said.__typename !== "OrderCheck") throw new Error(`${said.message} (${said.code})`);
  return said;
}

const WORDS = {
  NONE: "No repeat found",
  INFO: "A prior may be of use",
  WARNING: "This probably repeats a prior",
  INTERRUPTIVE: "Stop: this repeats a recent prior",
};

/** Show a verdict. Text goes in as text: what a hospital wrote is never markup. */
export function show(check) {
  const put = (id, text) => (document.getElementById(id).textContent = text);
  put("verdict", WORDS[check.tier]);
  put("why", check.reasons.join(". "));
  const silent = check.coverage.filter((site) => site.state !== "ANSWERED").map((site) => site.siteName);
  put("coverage", check.complete ? "All hospitals answered." : `Did not answer: ${silent.join(", ")}.`);
  const list = document.getElementById("prior");
  list.replaceChildren();
  if (!check.best) return;
  const { description, startedAt, locations } = check.best.study;
  for (const { site, openUrl } of locations) {
    const item = list.appendChild(document.createElement("li"));
    item.textContent = `${description ?? "no description"}, ${(startedAt ?? "undated").slice(0, 10)}, ${site} `;
    if (!openUrl || !/^https?:/.test(openUrl)) continue;
    const link = item.appendChild(document.createElement("a"));
    link.href = openUrl;
    link.textContent = "open images";
  }
}

if (typeof document !== "undefined") {
  const hub = new URLSearchParams(location.search).get("hub") ?? "http://127.0.0.1:8420";
  const value = (id) => document.getElementById(id).value;
  document.getElementById("order").addEventListener("submit", async (event) => {
    event.preventDefault();
    const order = {
      patient: { assigningAuthority: value("authority"), localPatientId: value("number") },
      orderingSite: value("site"),
      description: value("description"),
    };
    try {
      show(await checkOrder(hub, value("token"), order));
    } catch (error) {
      document.getElementById("verdict").textContent = `Not checked: ${error.message}`;
    }
  });
}
