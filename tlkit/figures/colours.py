"""The colours of every series and of every way: words alone, for pages that draw without Matplotlib too."""

__all__: list[str] = []

# Okabe and Ito (2008): told apart by people who see colours differently.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
# How a way looks in every figure of the map, whatever else was measured beside it.
WAY_COLOURS = {
    "probe": COLOURS[0],
    "earlier stage": COLOURS[1],
    "all stages": COLOURS[5],
    "fine-tuning": COLOURS[2],
    "pretrained start": COLOURS[3],
    "scaled start": "#999999",
    "scratch": COLOURS[4],
}
