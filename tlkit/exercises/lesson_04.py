"""Examiners of lesson 04: why not train everything at once?"""

import torch
from torch import Tensor, nn

from tlkit.exercises import Wrong, as_array, call, exercise, names_in
from tlkit.exercises.tiny import own_luck, tiny_backbone
from tlkit.nets.backbone import Backbone


@exercise(
    "04.1",
    "a rate for each stage",
    "One dictionary for the head, then one for each stage. Which stage comes right after the head's rate?",
    'list(stage.parameters()) are the "params"; reversed(network.stages.values()) goes from the last stage down.',
    "With k = 0 for the last stage, 1 for the one before it, and so on: the rate is rate * factor * decay**k.",
)
def _groups(answer: object) -> str:
    for rate, factor, decay in ((0.01, 0.1, 0.5), (0.004, 0.25, 1.0), (0.1, 0.5, 0.8)):
        network = tiny_backbone(4, seed=1)
        rates = _rates(call(answer, network, rate, factor, decay), network)
        case = f"With rate {rate:g}, factor {factor:g} and decay {decay:g}"
        expected = {"head": rate}
        expected |= {stage: rate * factor * decay**k for k, stage in enumerate(("fc3", "conv2", "conv1"))}
        if rates["conv1"] > rates["fc3"]:
            raise Wrong("The first stage has a higher rate than the last one. The most general stage moves least.")
        for part, lr in expected.items():
            if abs(rates[part] - lr) > 1e-6 * rate:
                raise Wrong(f"{case}: {part} has the rate {rates[part]:g}, but should have {lr:g}.")
    return "This is what tlkit.parameter_groups hands to the optimizer."


def _rates(groups: object, network: Backbone) -> dict[str, float]:
    """The rate of the head and of each stage, or what is wrong with the groups."""
    if not isinstance(groups, (list, tuple)) or not all(isinstance(group, dict) for group in groups):
        raise Wrong("A list of dictionaries was expected, as an optimizer takes it.")
    found: dict[int, float] = {}
    for group in groups:
        if not {"params", "lr"} <= set(group):
            raise Wrong(f'Every group needs "params" and "lr", but one has {sorted(group)}.')
        if isinstance(group["params"], nn.Module):
            raise Wrong('"params" should be list(module.parameters()), not the module itself.')
        params = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
        if len({id(parameter) for parameter in params}) < len(params):
            raise Wrong("There is a parameter twice in one group. Each belongs there once.")
        if any(id(parameter) in found for parameter in params):
            raise Wrong("There is a parameter in two groups: the optimizer would refuse that.")
        found |= {id(parameter): float(group["lr"]) for parameter in params}
    rates: dict[str, float] = {}
    for part, module in {"head": network.head, **network.stages}.items():
        for name, parameter in module.named_parameters():
            if id(parameter) not in found:
                raise Wrong(f"{part}.{name} is in no group: the optimizer would never train it.")
            rates.setdefault(part, found[id(parameter)])
            if rates[part] != found[id(parameter)]:
                raise Wrong(f"The parameters of {part} have different rates.")
    return rates


@exercise(
    "04.2",
    "weights learn, statistics stand still",
    "First everything in training mode. Then which layers do not belong there?",
    "network.modules() gives every layer, however deep. isinstance(layer, ...) takes a tuple of kinds.",
    "On a layer of BatchNorm1d or BatchNorm2d call eval(). Leave requires_grad alone.",
)
def _keep_statistics(answer: object) -> str:
    for seed in range(2):
        with own_luck(seed):
            network = nn.Sequential(
                nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Sequential(nn.BatchNorm2d(4))),
                nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(4, 5), nn.BatchNorm1d(5)),
            )
        network.train(seed == 1)  # one comes in evaluation mode
        if call(answer, network) is not network:
            raise Wrong("It should return the network that it was given.")
        layers = list(network.modules())
        if not all(parameter.requires_grad for parameter in network.parameters()):
            raise Wrong("Some weights are frozen now. All should go on learning, those of BatchNorm too.")
        if not any(layer.training for layer in layers):
            raise Wrong("The whole network is in evaluation mode: BatchNorm stands still, but so does dropout.")
        for layer in layers:
            if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)) and layer.training:
                raise Wrong(f"A {type(layer).__name__} is still in training mode: it measures every batch that passes.")
            if not isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)) and not layer.training:
                kind = "The dropout layer" if isinstance(layer, nn.Dropout) else f"A {type(layer).__name__}"
                raise Wrong(f"{kind} is in evaluation mode. All but BatchNorm should be in training mode.")
    return "Mind the order: the next network.train() undoes it. tlkit.freeze is remembered, this is not."


class _Cut(nn.Module):
    """Lets numbers through, and no gradient back."""

    def forward(self, x: Tensor) -> Tensor:
        return x.detach()


@exercise(
    "04.3",
    "freeze everything, and ask for gradients",
    "backward() starts at the scores. Ask them whether they have anything to send a gradient to.",
    "Call backward() only where scores.requires_grad; then look which parameter.grad is not None.",
)
def _who_learns(answer: object) -> str:
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(4))
    first, second, third = ({f"{k}.weight", f"{k}.bias"} for k in (0, 2, 4))
    cases = [  # frozen layers, cut or not, who learns
        ((), False, first | second | third),
        ((0,), False, second | third),
        ((2,), False, first | third),
        ((), True, second | third),
        ((0, 2, 4), False, set()),
    ]
    for frozen, cut, expected in cases:
        with own_luck(4):
            between = _Cut() if cut else nn.Tanh()
            network = nn.Sequential(nn.Linear(3, 4), between, nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2))
        for k in frozen:
            network[k].requires_grad_(False)
        try:
            given = names_in(call(answer, network, x))
        except RuntimeError as error:
            if "does not require grad" not in str(error):
                raise
            raise Wrong(
                "On a network with everything frozen, backward() stops with a RuntimeError: nothing on the way "
                "to the scores asks for a gradient. Return [] for it."
            ) from error
        if given == expected:
            continue
        if cut and given >= first:
            raise Wrong(
                "In one network the activations are detached after the first layer. Its weights may learn "
                "(requires_grad), but no gradient reaches them."
            )
        if frozen == (2,) and not given & first:
            raise Wrong("A frozen layer in the middle passes the gradient on: those before it can still learn.")
        raise Wrong(
            f"With layers {list(frozen)} of a network frozen, a gradient reaches "
            f"{sorted(expected)}, but it names {sorted(given)}."
        )
    return "Before you train for an hour, one batch and this list tell you whether what should learn does."


@exercise(
    "04.4",
    "forget eval()",
    "Ask a copy of the network twice, in training mode: once for each batch.",
    "copy.deepcopy(network).train() is the copy, torch.cat([one, some]) the first batch.",
    "Of each batch's scores take the first row, [0]; then (first - second).abs().max().",
)
def _company(answer: object) -> str:
    for seed, rows in ((1, 3), (2, 7), (3, 3)):
        generator = torch.Generator().manual_seed(seed)
        one, some, others = (torch.randn(n, 6, generator=generator) for n in (1, rows, rows))
        network = tiny_backbone(4, seed).eval()
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        given = float(as_array(call(answer, network, one, some, others), ()))
        now = network.state_dict()
        drifted = [name for name in before if not torch.equal(now[name], before[name])]
        if drifted:
            raise Wrong(f"Asking has changed the network itself: {drifted[0]} is another one now. Ask a copy.")
        if network.training:
            raise Wrong("The network came in evaluation mode and is now in training mode. Ask a copy.")
        with torch.no_grad():
            network.train()
            first, second = (network(torch.cat([one, rest])) for rest in (some, others))
        expected = (first[0] - second[0]).abs().max().item()
        if abs(given) < 1e-5 < expected:
            raise Wrong("No difference: that is so in evaluation mode. Here it is forgotten on purpose.")
        if abs(given - (first - second).abs().max().item()) < 1e-5 < abs(given - expected):
            raise Wrong("These are the scores of the whole batch. We ask about one picture, the first row.")
        if abs(given - expected) > 1e-4 * (1 + expected):
            raise Wrong(f"It gives {given:.4g}, but should give {expected:.4g}.")
    return "In evaluation mode it is 0: every picture is judged alone. Call eval() before you ask for answers."
