"""Everything that a sweep found, drawn: one HTML file, one picture, or tables.

`gathering` collects the facts; `importance`, `spending`, `costs` and `timeline` compute what is shown, each without
drawing; `figures_*` (Plotly) and `picture` (Matplotlib) draw the same numbers; `sections` puts words to them.
"""
