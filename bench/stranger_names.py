"""Names and places of `bench.strangers`: ordinary ones of ten languages, and towns that do not exist."""

from __future__ import annotations

from collections.abc import Mapping

NAMES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "anglo": (
        tuple(
            "Whitaker Barlow Smith Johnson Hodges Pruitt Okafor-Reed O'Brien McAllister Vance Brown Davis Hatfield "
            "Kirby Stokes Lamb Wyatt Thornton Ferris Calloway Beck Dalton Mercer Huffman Sloan".split()
        ),
        tuple(
            "Elizabeth Margaret Katherine Susan Barbara Rebecca Deborah Abigail Madison Patricia Theresa Victoria "
            "Josephine Caroline Heather".split()
        ),
        tuple(
            "William Robert Richard Edward Charles Theodore Anthony Andrew Benjamin Nathaniel Gregory Lawrence "
            "Douglas Raymond Walter Phillip".split()
        ),
    ),
    "german": (
        tuple("Müller Schröder Köhler Böhm Weiß Krüger Jäger Großmann Schäfer Vogt Brandt Lindner Günther".split()),
        tuple("Käthe Jürgen-Anna Ursula Brigitte Annelie Heike Gisela Ute Liselotte".split()),
        tuple("Jürgen Jörg Günter Hans-Peter Björn Matthias Karl Ulrich Götz".split()),
    ),
    "polish": (
        tuple("Kowalski Wiśniewski Wójcik Kamiński Lewandowski Szymański Dąbrowski Jabłoński Zając".split()),
        tuple("Małgorzata Agnieszka Katarzyna Zofia Łucja Bożena Jadwiga".split()),
        tuple("Krzysztof Paweł Łukasz Stanisław Grzegorz Wojciech Michał".split()),
    ),
    "portuguese": (
        (
            "da Silva",
            "dos Santos",
            "Gonçalves",
            "Araújo",
            "Simões Pereira",
            "de Oliveira",
            "Magalhães",
            "Conceição",
            "Ferreira Lima",
        ),
        tuple("Conceição Inês Lourdes Fátima Luísa Graça Beatriz Mariana".split()),
        tuple("João Antônio Sebastião Luís Tomás Joaquim Estêvão Mauro".split()),
    ),
    "spanish": (
        (
            "Ibáñez Roldán",
            "Muñoz",
            "Peña-Ortega",
            "Quiñones",
            "Gutiérrez",
            "Cárdenas",
            "Villaseñor",
            "de la Cruz",
            "Zúñiga Prado",
            "Escobedo",
        ),
        ("María José", "Lucía", "Inés", "Guadalupe", "Ximena", "Rocío", "Asunción", "Pilar"),
        ("Jesús", "Ángel", "Ramón", "Adrián", "Joaquín", "José Luis", "Matías", "Iñigo"),
    ),
    "arabic": (
        ("al-Masri", "Haddad", "Abdel Rahman", "Khoury", "Suleiman", "el-Sayed", "Mansour", "Qasim", "Darwish"),
        tuple("Yasmin Layla Maryam Noor Zaynab Hanan Samira Amina".split()),
        tuple("Mohammed Ahmed Yusuf Khalid Omar Ibrahim Mustafa Tariq".split()),
    ),
    "chinese": (
        tuple("Wang Zhang Chen Liu Zhao Huang Zhou Xu".split()),
        tuple("Xiaoling Meihua Yuting Jingyi Lihua Ruoxi Shuying".split()),
        tuple("Jianguo Wei Zhiqiang Haoran Mingyu Guodong Junjie".split()),
    ),
    "vietnamese": (
        tuple("Trần Phạm Lê Võ Đặng Bùi Hoàng".split()),
        ("Thị Hương", "Ngọc Ánh", "Thu Trang", "Mỹ Linh", "Thanh Thảo"),
        ("Văn Hùng", "Quốc Bảo", "Minh Đức", "Hữu Phước", "Thành Long"),
    ),
    "russian": (
        tuple("Иванов Петров Соколов Кузнецов Морозов Волков Щербаков Яковлев".split()),
        tuple("Ольга Наталья Светлана Юлия Екатерина Людмила".split()),
        tuple("Сергей Дмитрий Алексей Юрий Николай Михаил".split()),
    ),
    "turkish": (
        tuple("Yılmaz Şahin Öztürk Çelik Güneş Doğan Aydın Koç".split()),
        tuple("Ayşe Gülşen Özlem Elif Şebnem Zeynep".split()),
        tuple("Mehmet Çağlar Oğuz İbrahim Uğur Emre".split()),
    ),
}
"""Group -> (family names, women's given names, men's given names)."""

NICKNAMES: Mapping[str, tuple[str, ...]] = {
    "Elizabeth": ("Liz", "Beth", "Betty"),
    "Margaret": ("Peggy", "Maggie"),
    "Katherine": ("Kate", "Kathy"),
    "Susan": ("Sue",),
    "Barbara": ("Barb",),
    "Rebecca": ("Becky",),
    "Deborah": ("Debbie",),
    "Abigail": ("Abby",),
    "Patricia": ("Pat", "Trish"),
    "Theresa": ("Terry",),
    "Victoria": ("Vicky",),
    "Josephine": ("Jo",),
    "William": ("Bill", "Will"),
    "Robert": ("Bob", "Rob"),
    "Richard": ("Rick", "Dick"),
    "Edward": ("Ed", "Ted"),
    "Charles": ("Chuck", "Charlie"),
    "Theodore": ("Ted",),
    "Anthony": ("Tony",),
    "Andrew": ("Andy", "Drew"),
    "Benjamin": ("Ben",),
    "Nathaniel": ("Nate",),
    "Gregory": ("Greg",),
    "Lawrence": ("Larry",),
    "Douglas": ("Doug",),
    "Raymond": ("Ray",),
    "Walter": ("Walt",),
    "Phillip": ("Phil",),
}

ROMANISED: Mapping[str, str] = {
    "Müller": "Mueller",
    "Schröder": "Schroeder",
    "Köhler": "Koehler",
    "Böhm": "Boehm",
    "Weiß": "Weiss",
    "Krüger": "Krueger",
    "Jäger": "Jaeger",
    "Großmann": "Grossmann",
    "Schäfer": "Schaefer",
    "Günther": "Guenther",
    "Jürgen": "Juergen",
    "Jörg": "Joerg",
    "Günter": "Guenter",
    "Björn": "Bjoern",
    "Käthe": "Kaethe",
    "Иванов": "Ivanov",
    "Петров": "Petrov",
    "Соколов": "Sokolov",
    "Кузнецов": "Kuznetsov",
    "Морозов": "Morozov",
    "Волков": "Volkov",
    "Щербаков": "Shcherbakov",
    "Яковлев": "Yakovlev",
    "Ольга": "Olga",
    "Наталья": "Natalia",
    "Светлана": "Svetlana",
    "Юлия": "Yulia",
    "Екатерина": "Ekaterina",
    "Людмила": "Lyudmila",
    "Сергей": "Sergei",
    "Дмитрий": "Dmitry",
    "Алексей": "Alexey",
    "Юрий": "Yuri",
    "Николай": "Nikolai",
    "Михаил": "Mikhail",
    "Mohammed": "Muhammad",
    "Ahmed": "Ahmad",
    "Yusuf": "Youssef",
    "Suleiman": "Sulayman",
    "el-Sayed": "Elsayed",
    "al-Masri": "Almasri",
    "Qasim": "Kassem",
    "Yasmin": "Yasmeen",
    "Layla": "Leila",
    "Maryam": "Mariam",
    "Wiśniewski": "Wisniewski",
    "Wójcik": "Wojcik",
    "Dąbrowski": "Dabrowski",
    "Łucja": "Lucja",
    "Łukasz": "Lukasz",
    "Trần": "Tran",
    "Phạm": "Pham",
    "Đặng": "Dang",
    "Hoàng": "Hoang",
    "Yılmaz": "Yilmaz",
    "Şahin": "Sahin",
    "Öztürk": "Ozturk",
    "Çelik": "Celik",
    "Ayşe": "Ayse",
    "João": "Joao",
    "Gonçalves": "Goncalves",
    "Araújo": "Araujo",
    "Muñoz": "Munoz",
    "Quiñones": "Quinones",
    "Zhang": "Chang",
    "Xu": "Hsu",
}

SOUND_ALIKE: Mapping[str, tuple[tuple[str, str], ...]] = {
    "F": (("Anna", "Hannah"), ("Kara", "Cara"), ("Ella", "Bella"), ("Kaylee", "Hailey"), ("Mia", "Maya")),
    "M": (("Jayden", "Hayden"), ("Evan", "Ethan"), ("Aiden", "Caden"), ("Brandon", "Brendan"), ("Darren", "Daryl")),
}

STREETS = (
    "Larkspur Street",
    "Foundry Avenue",
    "Old Mill Road",
    "North Harbor Drive",
    "Quince Court",
    "Pinecrest Lane",
    "Tannery Row",
    "Saint Brendan Street",
    "Wheatfield Boulevard",
    "Kingfisher Way",
    "Depot Street",
    "Ridge Avenue",
    "Cooper Street",
    "Bellweather Lane",
    "Orchard Terrace",
    "South Canal Street",
    "Gristmill Road",
    "Fern Hollow Drive",
)
CITIES = (("Wexmoor", "004"), ("Ashby Point", "005"), ("Tarrow", "006"), ("Lindale Springs", "007"), ("Corvel", "008"))
