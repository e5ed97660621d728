"""A match model as the text of its file."""

from __future__ import annotations

from mpi.matching.match_model import GUARDS, MatchModel


def render_model(model: MatchModel) -> str:
    """The model as the TOML text that ``parse_model`` reads."""
    lines = [f'version = "{model.version}"', f"prior_match_weight = {model.prior.match_weight:g}"]
    lines += [f"provenance = '''\n{model.provenance.strip()}\n'''", "", "[thresholds]"]
    lines += [f"upper = {model.upper:g}", f"lower = {model.lower:g}", "", "[guards]"]
    lines += [f"{guard} = {'true' if guard in model.guards else 'false'}" for guard in sorted(GUARDS)]
    for comparison, levels in model.probabilities.items():
        lines += ["", f"[comparisons.{comparison}]"]
        lines += [f"{name} = {{ m = {p.m_probability:.6g}, u = {p.u_probability:.6g} }}" for name, p in levels.items()]
    for name, table in model.term_frequencies.items():
        lines += [
            "",
            f"[term_frequencies.{name}]",
            f"fallback = {table.fallback:.6g}",
            "",
            f"[term_frequencies.{name}.terms]",
        ]
        lines += [f'"{term}" = {frequency:.6g}' for term, frequency in table.frequencies.items()]
    return "\n".join(lines) + "\n"
