"""Given names that people bear, spelled alike but not the same: a list that tells twins from typing errors.

Only names that have a near neighbour in spelling are of use here; a name that is absent counts as a typing error of
its neighbour.
"""

from __future__ import annotations

GIVEN_NAMES = frozenset(
    """
    aaron ahmed aiden alan alana alanna alberto alejandra alejandro alexa alexia alexis alfred ali alia alice
    alicia alina alisha alison aliya alvaro amalia amanda amber amelia amelie amir amira amit amy ana andre
    andrea andreas andrei andres andrew andy angel angela angelo anika anil anita anja ann anna anne annie
    anthony anton antonia antonio aria ariana arianna ariel arjun armando arturo arun aryan asher ashley
    ashton austin ava avery ayden barbara barry bella beth betty bianca boris brad braden brady brandon brandy
    brayden brenda brendan brennan brent brett brian briana brianna bruce bryan bryce caleb calvin cameron
    camila camilla carl carla carlo carlos carmen carol carole carolina caroline carrie carson carter casey
    cassidy cathy celia celina chad chase chelsea chloe chris christian christina christine cindy claire clara
    claudia clayton cody colin collin colton connor cora corey cory craig crystal curtis dale dalia damian
    damon dan dana daniel daniela danielle darren darryl daryl dave david dawn dean deanna debra deepa deepak
    delia della denise dennis derek diana diane dianna dmitri dominic donald donna doris dorothy doug dustin
    dylan eddie edgar edith eduardo edward edwin eileen elaine elena eli elias elijah elisa elise eliza ella
    ellen ellie elsa elsie emilia emiliano emilio emily emma enrique eric erica erik erin ernest ernesto
    esteban ethan eva evan eve evelyn faith fatima fatma felicia felix fernanda fernando finn fiona frances
    francis francisca francisco frank gabriel gabriela gail gary gavin gene gerald gerard gina glen gloria
    grace grayson greg greta hailey haley hamad hana hanna hannah harold harry harvey hassan hayden heather
    hector heidi helen helena henry holly hunter hussein ian ida igor irene iris isaac isabel isabella isla
    ivan jack jackson jacob jada jade jaden jaiden jake jalen jamal james jamie jan jana jane janet janice
    jared jasmine jason javier jaxon jay jayden jayla jaylen jaylin jean jeanne jeff jen jenna jenny jeremiah
    jeremy jerome jerry jesse jessica jessie jesus jill jim jimmy joan joann joanna joanne joaquin jocelyn
    joel john johnny jon jonah jonas jordan jordyn jorge jose josefa joseph joshua josiah joy joyce juan juana
    judith judy julia julian juliana julie juliet julio june justin justine kaden kai kaitlyn kara karen kari
    karim karima karin karina karl karla kate katelyn kathleen katie katrina kavita kay kayden kayla kaylee
    keith kelly kelsey ken kendra kenneth kent kerry kevin khaled khalid khalil kiara kim kira kiran kirk
    kristen kristin kristina kristine kyla kyle kylie lalita lana lara larry lata laura lauren laurie layla
    lea leah leila lena leo leon leona leonard leslie lexi liam lila lilian lillian lily lina linda lindsay
    lisa liz logan lois lola loren lorena lori louis louise luca lucas lucia lucy ludmila luis luisa luke luna
    lydia lynn mackenzie madeline madison maggie mahmoud makayla maksim malik mandy mara marc marcia marco
    marcos marcus margaret maria mariah mariana marie marina mario marion marisa marissa mark marlene marsha
    martha martin martina marvin mary mason mateo matthew maureen maya meena megan melanie melinda melissa
    mercedes mia micah michael michaela michele michelle miguel mikhail mila milan miles mina mindy miriam
    mitchell molly monica monique morgan myra nadia nadine nancy naomi nasir nasser natalia natalie natasha
    nathan neha neil nia nicholas nick nicola nicolas nicole nina nisha noah noel nora norma norman oleg olga
    olive oliver olivia omar oscar owen paige pam pamela parker pat patricia patrick patty paul paula paulina
    pauline pavel peggy penny perry peter phil philip phillip pooja priya rachel rafael rahul raj rajesh ralph
    ramiro ramon randy raquel raul ravi ray raymond rebecca regina rekha renee rhonda ricardo richard rick
    riley rita rob robert roberta roberto robin rodney rodrigo roger roland roman ron ronald rory rosa rosalie
    rose rosie ross roy ruben ruby russell ruth ryan sabrina sadie salem salim sally salma sam samantha samia
    samir samira samuel sandra sandy sanjana sanjay santiago sara sarah scott sean sergei sergio shane shannon
    shari sharon shaun shawn sheila shelby shelley sheri sherri sherry shirley silvia simon sofia sonia sonja
    sophia sophie stacey stacy stanley stella stephan stephanie stephen steve steven stuart sue sunil sunita
    suresh susan susana suzanne svetlana sydney sylvia tabitha tamara tami tammy tania tanya tara tatiana
    taylor teresa terrance terrence terri terry theresa thomas tiffany tim tina todd tom tommy toni tony
    tracey traci tracy travis trent trevor tricia tristan troy tyler tyrone tyson umar valentina valerie
    vanessa vera vernon veronica vicki vicky victor victoria vijay vikram vincent viola violet virginia vivian
    vladimir wade walter wanda warren wayne wendy wesley whitney willa william willow wyatt xavier ximena
    yasin yasmin yolanda yuri yusuf yvette yvonne zach zachary zoe zoey
    """.split()
)
