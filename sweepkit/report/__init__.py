"""Reports of a sweep: one self-contained HTML page, or one PNG picture.

`data` reads what a report shows, once, from the sweep's folder. `importance`, `equal_cost`, `pareto` and `timeline`
compute figures from it without drawing; `scales` and `style` keep axes and colours the same everywhere. `html` puts
sections, charts and the page's scripts together, `png` draws with Matplotlib. Try
`page(gather(load_sweep("runs/sweeps/cells")))`.
"""
