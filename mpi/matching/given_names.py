"""Given names that people bear, spelled alike but not the same: a list that tells twins from typing errors.

Only names that have a near neighbour in spelling are of use here; a name that is absent counts as a typing error of
its neighbour.
"""

from __future__ import annotations

GIVEN_NAMES = frozenset(
    """
    aaron aiden ayden alan alana alanna alina alison alicia alexa alexia alexis alfred alice alisha amalia amanda amber
    amelia amelie amy ana andre andrea andreas andrew andy angel angela angelo anika anita anja ann anna annie anne
    anthony antonia antonio aria arianna ariana ariel aryan asher ashley ashton austin ava avery barbara barry beth
    betty bella bianca brad braden brady brandon brandy brayden brenda brendan brennan brent brett brian brianna
    briana bruce bryan bryce caleb calvin cameron camila camilla carl carla carlo carlos carmen carol carole carolina
    caroline carrie carson carter casey cassidy cathy celia celina chad chase chelsea chloe chris christian
    christina christine cindy claire clara claudia clayton cody colin collin colton connor cora corey cory craig
    crystal curtis dale dalia damian damon dan dana daniel daniela danielle darren darryl daryl dave david dawn dean
    deanna debra delia della dennis denise derek diana diane dianna dominic donald donna doris dorothy doug dustin
    dylan eddie edgar edith edward edwin eileen elaine elena eli elias elijah elisa elise eliza ella ellen ellie elsa
    elsie emilia emilio emily emma eric erica erik erin ernest ethan eva evan eve evelyn faith felicia felix
    fernanda fernando finn fiona frances francis francisca francisco frank gabriel gabriela gail gary gavin gene
    gerald gerard gina glen gloria grace grayson greg greta hailey haley hana hanna hannah harold harry harvey hayden
    heather hector heidi helen helena henry holly hunter ian ida irene iris isaac isabel isabella isla ivan jack
    jackson jacob jada jade jaden jaiden jake jalen jamal james jamie jan jana jane janet janice jared jasmine jason
    jaxon jay jayden jayla jaylen jaylin jean jeanne jeff jen jenna jenny jeremiah jeremy jerome jerry jesse jessica
    jessie jill jim jimmy joan joann joanna joanne jocelyn joel john johnny jon jonah jonas jordan jordyn jorge jose
    joseph joshua josiah joy joyce juan juana judith judy julia julian juliana julie juliet julio june justin justine
    kaden kai kaitlyn kara karen kari karin karina karl karla kate katelyn kathleen katie katrina kay kayden kayla
    kaylee keith kelly kelsey ken kendra kenneth kent kerry kevin kiara kim kira kirk kristen kristin kristina kristine
    kyla kyle kylie lana lara larry laura lauren laurie lea leah leo leon leona leonard lena leslie lexi liam lila
    lilian lillian lily lina linda lindsay lisa liz logan lois lola loren lori lorena louis louise luca lucas lucia
    lucy luis luisa luke luna lydia lynn mackenzie madeline madison maggie makayla malik mandy mara marc marcia marco
    marcos marcus margaret maria mariah mariana marie marina mario marion marisa marissa mark marlene marsha martha
    martin martina marvin mary mason matthew maureen maya megan melanie melinda melissa mia micah michael michaela
    michele michelle miguel mila miles mindy miriam mitchell molly monica monique morgan myra nadia nadine nancy
    naomi natalia natalie natasha nathan neil nia nicholas nick nicola nicolas nicole nina noah noel nora norma norman
    olive oliver olivia omar oscar owen paige pam pamela parker pat patricia patrick patty paul paula paulina pauline peggy
    penny perry peter phil philip phillip rachel ralph ramon randy raul ray raymond rebecca regina renee rhonda ricardo
    richard rick riley rita rob robert roberta roberto robin rodney roger roland roman ron ronald rory rosa rosalie
    rose rosie ross roy ruben ruby russell ruth ryan sabrina sadie sally sam samantha samuel sandra sandy sara sarah
    scott sean sergio shane shannon shari sharon shaun shawn sheila shelby shelley sheri sherri sherry shirley silvia
    simon sofia sonia sonja sophia sophie stacey stacy stanley stella stephan stephanie stephen steve steven stuart sue
    susan suzanne sydney sylvia tabitha tamara tami tammy tania tanya tara taylor teresa terrance terrence terri terry
    theresa thomas tiffany tim tina todd tom tommy toni tony tracey traci tracy travis trent trevor tricia tristan troy
    tyler tyrone tyson valerie vanessa vera vernon veronica vicki vicky victor victoria vincent viola violet virginia
    vivian wade walter wanda warren wayne wendy wesley whitney willa william willow wyatt xavier yolanda yvette yvonne
    zach zachary zoe zoey alejandra alejandro alberto alvaro andres armando arturo eduardo emiliano enrique ernesto
    esteban javier jesus joaquin josefa mateo mercedes rafael ramiro raquel rodrigo santiago susana valentina ximena
    ahmed hamad hassan hussein amir amira samir samira omar umar ali alia aliya fatima fatma nasser nasir
    karim karima khalid khaled khalil mahmoud yusuf yasin yasmin salim salma salem samia layla leila
    amit anil arjun arun deepa deepak kavita kiran lalita lata maya meena mina neha nisha pooja priya rahul raj rajesh
    ravi rekha rita sanjay sanjana sunil sunita suresh vijay vikram andrei anton boris dmitri igor ivan ludmila
    maksim mikhail milan mila natalia oleg olga pavel sergei svetlana tatiana vladimir yuri
    """.split()
)
