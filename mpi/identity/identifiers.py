"""Who issues a number and what it names: assigning authorities and patient identifiers.

Source: HL7 v2.5 chapter 2.A.14 (CX), IHE ITI TF-2 3.8 (identifiers are only unique inside one authority).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NewType

from mpi.errors import InvalidIdentifier

EnterpriseId = NewType("EnterpriseId", str)
"""Names one person in this index. Opaque; never derived from demographics."""


@dataclass(frozen=True, slots=True, order=True)
class PatientIdentifier:
    """``local_patient_id`` as issued by ``assigning_authority``. Leading zeros and letter case count.

    Raises:
        InvalidIdentifier: either half is empty after outer blanks are removed, or is the HL7 null ``""``.
    """

    assigning_authority: str
    local_patient_id: str

    def __post_init__(self) -> None:
        authority, number = self.assigning_authority.strip(), self.local_patient_id.strip()
        if not authority or authority == '""':
            raise InvalidIdentifier("patient identifier without an assigning authority")
        if not number or number == '""':
            raise InvalidIdentifier("patient identifier without a number")
        object.__setattr__(self, "assigning_authority", authority)
        object.__setattr__(self, "local_patient_id", number)

    def __str__(self) -> str:
        return f"{self.assigning_authority}|{self.local_patient_id}"

    @classmethod
    def parse(cls, text: str) -> PatientIdentifier:
        """Read ``AUTHORITY|number``, the form used on the command line."""
        authority, bar, number = text.partition("|")
        if not bar:
            raise InvalidIdentifier("expected AUTHORITY|number")
        return cls(authority, number)


@dataclass(frozen=True, slots=True)
class AssigningAuthority:
    """A registered issuer of identifiers.

    ``strong`` marks an authority whose numbers are one to a person across sites (a national id).
    """

    name: str
    oid: str | None = None
    strong: bool = False


@dataclass(frozen=True, slots=True)
class AuthorityRegistry:
    """Resolves the three ways an authority is written (namespace, namespace&OID&ISO, &OID&ISO) to one name."""

    by_name: Mapping[str, AssigningAuthority] = field(default_factory=dict)

    @classmethod
    def of(cls, *authorities: AssigningAuthority) -> AuthorityRegistry:
        return cls({a.name: a for a in authorities})

    def canonical_name(self, namespace: str, universal_id: str = "") -> str:
        """The registered name for either form; an unregistered authority keeps what was sent ('' if nothing was)."""
        namespace, universal_id = namespace.strip(), universal_id.strip()
        for authority in self.by_name.values():
            if universal_id and authority.oid == universal_id:
                return authority.name
        return namespace or universal_id

    def is_registered(self, name: str) -> bool:
        return name in self.by_name

    def is_strong(self, name: str) -> bool:
        authority = self.by_name.get(name)
        return authority is not None and authority.strong
