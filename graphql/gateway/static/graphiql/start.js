"use strict";
// Tokens are typed into the Headers pane and are not kept: a reload forgets them.
const fetcher = GraphiQL.createFetcher({ url: "/graphql" });
const welcome = [
  "# Paste a token into the Headers pane below:",
  '#   { "Authorization": "Bearer ..." }',
  "# Then press the play button.",
  "{",
  "  sites {",
  "    __typename",
  "    ... on SiteList { sites { id name protocol } }",
  "    ... on Refusal { code message }",
  "  }",
  "}",
  "",
].join("\n");
ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultQuery: welcome,
    defaultEditorToolsVisibility: "headers",
    shouldPersistHeaders: false,
    storage: { length: 0, getItem: () => null, setItem: () => {}, removeItem: () => {}, clear: () => {} },
  }),
);
