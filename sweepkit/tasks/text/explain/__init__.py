"""How a recurrent network reads a text: its states token by token, and its prediction after each token.

Try `page.write(explain(sweepkit.load_model("winner"), "not a good film", View(layer=1)), Path("out.html"))`.
"""
