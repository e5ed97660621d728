"""Names, streets and towns that invented people are made of."""

from __future__ import annotations

GIVEN_FEMALE = (
    "Anna", "Katherine", "Elena", "Sofía", "Margaret", "Lucía", "Isabelle", "Hanna", "Yasmin", "Deborah",
    "Françoise", "Teresa", "Ingrid", "Mei", "Olga", "Rebecca", "Chloé", "Svenja", "Pilar", "Josephine",
    "Victoria", "Amélie", "Nadia", "Ruth", "Carmen", "Birgit", "Leonie", "Zoë", "Patricia", "Elizabeth",
)  # fmt: skip
GIVEN_MALE = (
    "William", "Robert", "José", "Jürgen", "Thomas", "Andrés", "Mohamed", "Étienne", "Michael", "Oskar",
    "Stefan", "Dmitri", "Luis", "Edward", "Anthony", "Søren", "Javier", "Benoît", "Christopher", "Wei",
    "Ludwig", "Samuel", "Ramón", "Frederick", "Gérard", "Nikolas", "Alexander", "Ignacio", "Joseph", "Daniel",
)  # fmt: skip
FAMILIES = (
    "Alder", "Bachmann", "Carrasco", "Delacroix-Petit", "Eberhardt", "Fairweather", "García López", "Hollis",
    "Ibáñez", "Jansen", "Köhler", "Lefèvre", "Marlowe", "Núñez", "O'Shea", "Pfeiffer", "Quiroga", "Rousseau",
    "Schäfer", "Thornbury", "Ulrich", "Villalobos", "Whitcombe", "Ximénez", "Yates", "Zimmermann", "Beaulieu",
    "Castellan", "Dunmore", "Escobar", "Fontaine", "Grünwald", "Harcourt", "Iglesias", "Juhl", "Kessler",
    "Langford", "Mercier", "Norbury", "Ortega", "Pemberton", "Reinhardt", "Salcedo", "Tillmann", "Vandenberg",
    "Weatherby", "Zapata", "Lindqvist", "Moreau", "Hartwell",
)  # fmt: skip
NICKNAMES = {
    "Katherine": "Kate",
    "Margaret": "Peggy",
    "Deborah": "Debbie",
    "Teresa": "Terry",
    "Rebecca": "Becky",
    "Josephine": "Josie",
    "Victoria": "Vicky",
    "Patricia": "Pat",
    "Elizabeth": "Liz",
    "William": "Bill",
    "Robert": "Bob",
    "José": "Pepe",
    "Thomas": "Tom",
    "Michael": "Mike",
    "Edward": "Ted",
    "Anthony": "Tony",
    "Christopher": "Chris",
    "Samuel": "Sam",
    "Frederick": "Fred",
    "Alexander": "Alex",
    "Joseph": "Joe",
    "Daniel": "Dan",
}
TWIN_NAMES = (("Hanna", "Anna"), ("Jayden", "Jaylen"), ("Lena", "Lene"), ("Marcos", "Mateo"))
MIDDLES = ("", "", "", "A", "J", "Marie", "Luis", "Grace", "Paul", "Rose")
STREETS = (
    "Mill Lane", "Orchard Road", "Lindenstraße", "Calle del Río", "Rue des Tilleuls", "Harbour Street", "Am Anger",
    "Church Walk", "Camino Viejo", "Weaver Close", "Birkenweg", "Station Road",
)  # fmt: skip
TOWNS = (
    ("Northgate", "NG10"), ("Lindenkamp", "48999"), ("Riverside", "RV2"), ("Santa Clara", "28999"),
    ("Oldbridge", "OB4"), ("Hohenau", "48990"),
)  # fmt: skip
