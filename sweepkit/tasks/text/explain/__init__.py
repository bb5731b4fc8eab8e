"""What a recurrent network saw in a text: its states token by token, and how its verdict came about.

found = explanation.explain(sweepkit.load("winner"), "not a good film", View(layer=1))
page.write(found, Path("out.html"))
picture.write(found, Path("out.png"))
"""
