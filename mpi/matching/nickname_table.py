"""Which given names are used for one another: the ``nicknames`` table plus the pet names it does not know.

The table is read once, when the first name is looked up.
"""

from __future__ import annotations

from functools import cache, lru_cache

from nicknames import NickNamer

_PET_NAMES = {
    "william": "bill billy will willy willie liam", "robert": "bob bobby bobbie rob robbie",
    "john": "jack johnny", "richard": "dick rick ricky rich", "edward": "ted ned teddy ed eddie",
    "theodore": "ted teddy theo", "henry": "hank harry hal",
    "margaret": "peg peggy meg maggie daisy greta rita madge", "mary": "polly molly mae",
    "charles": "chuck charlie", "anthony": "tony toni",
    "elizabeth": "beth betty liz lisa bess libby eliza betsy", "christina": "tina", "christine": "tina",
    "alexandra": "sandra sandy sasha", "alexander": "sandy xander sasha", "rebecca": "becky becca",
    "amanda": "mandy", "eleanor": "nell ellie nora ella", "helen": "nell ellie nellie", "ann": "nancy nan",
    "sarah": "sally sadie", "patricia": "tricia trish pat patty paty pati", "katrina": "trina",
    "andrew": "drew andy", "victoria": "tori vicky", "augustus": "gus", "dorothy": "dot dolly dottie",
    "martha": "patty mattie", "frances": "fanny", "lawrence": "larry", "leonard": "len", "ellen": "nell nellie",
    "caroline": "lina", "catherine": "kate katie kathy kitty", "antoinette": "toni nettie", "virginia": "ginny",
    "francisco": "pancho paco cisco frank", "jesus": "chuy chucho", "jose": "pepe joe joseph",
    "mercedes": "meche", "guadalupe": "lupe lupita", "maria elena": "malena", "mariaelena": "malena",
    "maria": "mary mari maria", "juan": "juanito john", "ignacio": "nacho", "enrique": "quique kike",
    "rosario": "chayo", "eduardo": "lalo eddie", "guillermo": "memo william", "roberto": "beto robert",
    "alberto": "beto albert", "luis": "lucho louis", "miguel": "mike michael",
    "antonio": "tono tony toni anthony", "manuel": "manny manolo", "concepcion": "concha", "consuelo": "chelo",
    "dolores": "lola", "graciela": "chela", "isabel": "chabela bella elizabeth", "jorge": "george",
    "carlos": "charlie carlitos charles", "pedro": "peter", "pablo": "paul", "rafael": "rafa",
    "alejandro": "alex ale", "alejandra": "alex ale", "teresa": "tere", "beatriz": "bety", "leticia": "lety",
    "ana": "anita", "rosa": "rosita", "carmen": "carmelita", "margarita": "mago margaret", "raul": "rulo",
    "ricardo": "richard ricky", "fernando": "nando", "hernan": "nando", "santiago": "chago james",
    "vicente": "chente", "salvador": "chava", "gabriela": "gaby gabi", "veronica": "vero",
    "esperanza": "lancha", "josefina": "josie fina", "aleksandr": "sasha alex alexander", "aleksandra": "sasha",
    "vladimir": "vova volodya", "dmitri": "dima mitya", "dmitry": "dima mitya", "mikhail": "misha michael",
    "ivan": "vanya", "nikolai": "kolya nicholas", "nikolay": "kolya nicholas", "sergei": "seryozha serge",
    "sergey": "seryozha serge", "yekaterina": "katya", "ekaterina": "katya catherine", "anastasia": "nastya",
    "tatiana": "tanya", "natalia": "natasha", "yevgeny": "zhenya", "maksim": "max", "elena": "lena",
    "olga": "olya", "yelena": "lena", "irina": "ira", "svetlana": "sveta", "ludmila": "lyuda", "yuri": "yura",
    "pavel": "pasha paul", "malgorzata": "gosia margaret", "katarzyna": "kasia", "agnieszka": "aga",
    "joanna": "asia", "krzysztof": "krzys", "muhammad": "mo moe mohd md", "mohammed": "mo moe mohd md",
    "mohamed": "mo moe mohd md", "abdullah": "abdul", "ibrahim": "abe abraham", "yusuf": "joe joseph",
    "fatima": "fati", "mustafa": "moose", "rajesh": "raj", "rajendra": "raj", "sanjay": "sanj", "vikram": "vik",
    "lakshmi": "laxmi", "krishnan": "krish", "johannes": "hans jan johann", "friedrich": "fritz",
    "wilhelm": "willi william", "giovanni": "gianni john", "giuseppe": "beppe joe joseph", "jean": "john",
}  # fmt: skip
_VARIANTS = (
    "muhammad mohamed mohammed mohammad mohamad muhammed mohd mehmet", "aisha ayesha aysha aicha", "ahmed ahmad ahmet",
    "yusuf youssef yousef yousuf joseph", "hussein husain hussain husayn", "hassan hasan", "omar umar omer",
    "ibrahim ebrahim abraham", "fatima fatma fatimah fatema", "maryam mariam miriam", "khaled khalid",
    "tariq tarek tarik", "said saeed sayed", "mahmoud mahmud mehmood", "abdullah abdallah abdulla", "ali aly",
    "yulia julia iuliia yuliya", "aleksandr alexander oleksandr alexandr", "aleksandra alexandra",
    "sergei sergey serhiy", "andrei andrey andriy andrew", "dmitri dmitry dmytro", "yekaterina ekaterina katarina",
    "yelena elena jelena olena", "evgeny yevgeny yevgeni eugene", "yuri yury iurii", "mikhail mykhailo",
    "nikolai nikolay mykola", "katherine catherine kathryn catharine katharine", "steven stephen stefan",
    "jeffrey geoffrey", "jon john", "sean shawn shaun", "alan allen allan", "bryan brian", "eric erik",
    "sara sarah", "rebecca rebekah", "teresa theresa", "caitlin kaitlyn katelyn", "marc mark", "carl karl",
    "isabel isabelle ysabel", "zoe zoey", "lakshmi laxmi", "vijay bijoy", "krishna krishnan", "sofia sophia sofiya",
)  # fmt: skip
_OWN_NAMES = (
    frozenset({"anna", "hannah"}), frozenset({"savannah", "anna"}), frozenset({"joanna", "hannah"}),
              frozenset({"susan", "hannah"}), frozenset({"christine", "christina"}),
              frozenset({"erin", "aaron"}), frozenset({"emma", "emily"}), frozenset({"olive", "olivia"}),
              frozenset({"alice", "alicia"}), frozenset({"maria", "mary"}), frozenset({"amelia", "emily"}),
              frozenset({"jane", "janet"}), frozenset({"joan", "joanna"}), frozenset({"julia", "julie"}))  # fmt: skip


_ONE_LETTER = {"k": "c", "q": "c", "j": "g", "y": "i", "z": "s"}


def _is_plausible(short: str, formal: str) -> bool:
    """The table holds far-fetched pairs (Bill for Robert): taken are those that begin alike or hold one another.

    Pet names that begin otherwise (Bill, Peggy, Jack) stand in ``_PET_NAMES``.
    """
    first, second = (_ONE_LETTER.get(name[0], name[0]) for name in (short, formal))
    return first == second or short in formal or formal in short


@cache
def _table() -> dict[str, frozenset[str]]:
    formal_names: dict[str, set[str]] = {}
    for formal, short_forms in NickNamer().nickname_lookup.items():
        for short in short_forms:
            if _is_plausible(short, formal):
                formal_names.setdefault(short, set()).add(formal)
    for formal, forms in _PET_NAMES.items():
        for short in forms.split():
            formal_names.setdefault(short, set()).add(formal)
    for variants in _VARIANTS:
        first, *others = variants.split()
        for other in others:
            formal_names.setdefault(other, set()).add(first)
    return {short: frozenset(formal) for short, formal in formal_names.items()}


@cache
def _short_forms() -> dict[str, frozenset[str]]:
    short_forms: dict[str, set[str]] = {}
    for short, formal_names in _table().items():
        for formal in formal_names:
            short_forms.setdefault(formal, set()).add(short)
    return {formal: frozenset(short) for formal, short in short_forms.items()}


@lru_cache(maxsize=100_000)
def formal_names(given: str) -> frozenset[str]:
    """The name itself and every formal name it may stand for."""
    return _table().get(given, frozenset()) | {given}


@lru_cache(maxsize=200_000)
def are_nicknames(a: str, b: str) -> bool:
    """One may stand for the other, or both for one formal name. Names that twins both bear (Anna, Hannah) do not."""
    if frozenset((a, b)) in _OWN_NAMES:
        return False
    formal_a, formal_b = formal_names(a), formal_names(b)
    if a in formal_b or b in formal_a:
        return True
    both_short = len(formal_a) > 1 and len(formal_b) > 1
    return both_short and not formal_a.isdisjoint(formal_b)


@lru_cache(maxsize=200_000)
def related_names(given: str) -> frozenset[str]:
    """Formal names and pet names of a name, without itself."""
    return (formal_names(given) | _short_forms().get(given, frozenset())) - {given}


def is_listed(given: str) -> bool:
    """The name is in the table, as a pet name or as a formal one."""
    return given in _table() or given in _short_forms()
