"""Near-copies: pictures of a set that are one photo, saved again, scaled, cut a little, brighter, blurred or mirrored.

Two steps, because a set of n pictures has n * (n - 1) / 2 pairs. The nearest of each picture are found among sketches
of 16 x 16 grey values. Of these few, one is laid over the other, and what counts is how well the details agree. CNN
codes and perceptual hashes were tried beside it: on photos of flowers they find copies as well, but on textures and
small pictures the hashes miss what was cut, or take other pictures for copies, and codes take longer.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor
from torch.nn import functional

from tlkit.bars import tqdm
from tlkit.disk.cache import cached
from tlkit.disk.tables import let_go, unnamed

__all__: list[str] = []

NEAR_COPIES = 1  # raised when other pairs are found: those that were kept are not used then
SIDE = 32  # pixels, in which details are compared
SAME = 0.85  # correlation of the details of near-copies, once one lies over the other
_CERTAIN, _ALMOST = 0.98, 0.7  # the same where many pictures are almost alike, and what almost is
_NEAREST, _LOOKS_LIKE = 4, 0.4  # candidates of a picture, and how much their sketches agree with its own
_RECOLOURED = 40  # grey levels: a red ball is no copy of a blue one
_PLAIN = 0.7  # grey levels: details weaker than this are noise of the JPEG
_BLOCK = 256


@dataclass(frozen=True)
class Pairs:
    """Which pictures of a set are near-copies of each other.

    Attributes
    ----------
    rows : int64 tensor (m, 2), the lower row first; the most alike pair is the first
    similarity : float32 tensor (m,), how well the details agree, ``SAME`` to 1
    """

    rows: Tensor
    similarity: Tensor

    def __len__(self) -> int:
        return len(self.rows)


def groups_of(rows: Tensor, count: int, groups: Tensor | None = None) -> Tensor:
    """The group of each of ``count`` pictures, int64: those of a pair, and those of one of ``groups``, are in one.

    Parameters
    ----------
    rows : int64 tensor (m, 2), a pair in each row
    count : how many pictures there are
    groups : int64 tensor (count,), what belongs together besides
    """
    links = rows.T
    if groups is not None:
        names, index = groups.unique(return_inverse=True)
        first = torch.full((len(names),), count).scatter_reduce(0, index, torch.arange(count), "amin")
        links = torch.cat([links, torch.stack([torch.arange(count), first[index]])], 1)
    graph = coo_array((torch.ones(links.shape[1]).numpy(), tuple(links.numpy())), (count, count))
    return torch.from_numpy(connected_components(graph, directed=False)[1]).long()


def find(images: Callable[[], Tensor], key: str) -> Pairs:
    """The pairs of near-copies among pictures, looked for once and kept in the cache.

    Found are versions of one picture: saved again, scaled, cut by up to about 5 % at a side, brighter or
    darker, a little blurred, and mirrored. A picture without details, such as one colour, is a copy of none.
    Where many pictures of the set are almost alike, as handwritten digits are, only what agrees fully is one.
    Time grows with the square of the number, slowly; memory does not.

    Parameters
    ----------
    images : function that gives a uint8 tensor (n, 3, h, w), which may be mapped from disk
        Called only if they were not looked at before. Pictures of less than 32 pixels hold too little.
    key : what stands for their content
    """

    def make() -> dict[str, Tensor]:
        rows, similarity = search(images())
        return {"rows": rows, "similarity": similarity}

    return Pairs(**cached("near-copies", f"{NEAR_COPIES}-{key}", make))


@torch.inference_mode()
def search(images: Tensor) -> tuple[Tensor, Tensor]:
    """The pairs and their similarity, as in ``Pairs``, of uint8 pictures (n, 3, h, w)."""
    sketches = unnamed(_sketched(images), len(images))
    rows, similarity = _compared(sketches, *_candidates(sketches))
    almost = int((similarity < _CERTAIN).sum())
    least = _CERTAIN if almost > 3 / 4 * len(images) else SAME  # handwritten zeros are alike, and no copies
    order = similarity.argsort(descending=True, stable=True)
    order = order[similarity[order] >= least]
    return rows[order], similarity[order]


def _grey(images: Tensor) -> Tensor:
    """uint8 (n, 3, h, w) to float (n, 1, h, w)."""
    return images.float().mean(1, keepdim=True)


def _details(images: Tensor, reach: int) -> Tensor:
    """What is left of float pictures without their mean around each pixel: it does not know of light and shade."""
    return images - _mean_around(images, reach)


def _mean_around(images: Tensor, reach: int) -> Tensor:
    padded = functional.pad(images, (reach,) * 4, mode="replicate")
    across = functional.avg_pool2d(padded, (1, 2 * reach + 1), 1)  # row by row, then column by column: far fewer sums
    return functional.avg_pool2d(across, (2 * reach + 1, 1), 1)


def _sketched(images: Tensor) -> Iterator[Tensor]:
    for block in images.split(_BLOCK):
        yield functional.interpolate(block, size=(SIDE, SIDE), mode="bilinear", antialias=True)
        let_go(images, unchanged=True)


def _candidates(sketches: Tensor) -> tuple[Tensor, Tensor]:
    """Pairs of rows, int64 (m, 2), that look alike, and whether one of the two is mirrored."""
    even, odd = (torch.cat(halves) for halves in zip(*map(_halves, sketches.split(_BLOCK))))
    found = [torch.empty(0, 2, dtype=torch.int64)]
    for start, like in _likeness(even, odd):
        nearest = like.topk(min(_NEAREST, len(even)))
        row, place = (nearest.values > _LOOKS_LIKE).nonzero(as_tuple=True)
        found.append(torch.stack([row + start, nearest.indices[row, place]], 1))
    pairs = torch.cat(found).sort(1).values.unique(dim=0)
    first, second = pairs.unbind(1)
    return pairs, torch.cat([(odd[a] * odd[b]).sum(1) < 0 for a, b in zip(first.split(2**14), second.split(2**14))])


def _halves(sketches: Tensor) -> tuple[Tensor, Tensor]:
    """What of the sketches, of length 1, stays when they are mirrored, and what turns its sign; float (n, 128) each.

    A product of two sketches is that of the first halves plus that of the second, and with one mirrored, minus.
    """
    small = _details(functional.avg_pool2d(_grey(sketches), 2), 2)
    plain = (small.std((1, 2, 3)) < _PLAIN).view(-1, 1, 1, 1)
    small = functional.normalize((small - small.mean((1, 2, 3), keepdim=True)).masked_fill(plain, 0).flatten(1))
    left, right = (half / 2**0.5 for half in small.view(-1, SIDE // 2, SIDE // 2).chunk(2, 2))
    right = right.flip(2)
    return (left + right).flatten(1), (left - right).flatten(1)


def _likeness(even: Tensor, odd: Tensor) -> Iterator[tuple[int, Tensor]]:
    """The cosine of each picture with each other one or its mirror image, some rows at a time, in the same memory."""
    several = max(1, 2**22 // max(1, len(even)))
    room = torch.empty(several, len(even))  # once: freed and asked for again in turn, the heap would grow by gigabytes
    with tqdm(total=len(even), desc="looking for near-copies", unit="picture", leave=False, delay=1) as bar:
        for start in range(0, len(even), several):
            stop = min(start + several, len(even))
            like = torch.mm(odd[start:stop], odd.T, out=room[: stop - start]).abs_()
            like.addmm_(even[start:stop], even.T)
            like[torch.arange(stop - start), torch.arange(start, stop)] = -1
            yield start, like
            bar.update(stop - start)


def _compared(sketches: Tensor, rows: Tensor, mirrored: Tensor) -> tuple[Tensor, Tensor]:
    """Those of the candidates that are almost alike, and how well their details agree."""
    kept = [(rows[:0], torch.empty(0))]
    for start in range(0, len(rows), _BLOCK):
        pairs, turned = rows[start : start + _BLOCK], mirrored[start : start + _BLOCK]
        one, other = sketches[pairs[:, 0]], _turned(sketches[pairs[:, 1]], turned)
        moves = _moves(_grey(one), _grey(other), 6)
        agree = _agreement(_grey(one), _grey(other), moves)
        keep = (agree >= _ALMOST) & (_other_colours(one, other, moves) < _RECOLOURED)
        kept.append((pairs[keep], agree[keep]))
    return torch.cat([pairs for pairs, _ in kept]), torch.cat([agree for _, agree in kept])


def _other_colours(one: Tensor, other: Tensor, moves: Tensor) -> Tensor:
    """How far the colours are apart, light and shade aside, where they are most: grey levels, float (m,)."""
    one, other = (images.float() - _grey(images) for images in (one, other))
    apart = functional.avg_pool2d((one - _laid_over(other, moves)) * _inner(SIDE), 4)
    return apart.abs().amax((1, 2, 3))


def _turned(images: Tensor, mirrored: Tensor) -> Tensor:
    return torch.where(mirrored.view(-1, 1, 1, 1), images.flip(3), images)


def _moves(one: Tensor, other: Tensor, rounds: int) -> Tensor:
    """How to shift and stretch the second pictures so that they lie over the first: ``(m, 4)``, x and y of each.

    Gauss-Newton steps on the difference of their details, after Lucas and Kanade (1981).
    """
    side = one.shape[-1]
    one, other = (_smooth(_unit(_details(images, 6))) for images in (one, other))
    across = functional.pad((other[..., 2:] - other[..., :-2]) / 2, (1, 1, 0, 0))
    down = functional.pad((other[..., 2:, :] - other[..., :-2, :]) / 2, (0, 0, 1, 1))
    layers, inner = torch.cat([other, across, down], 1), _inner(side)
    moves = torch.zeros(len(one), 4)
    x, y = torch.meshgrid(*[_places(side)] * 2, indexing="xy")
    for _ in range(rounds):
        moved = _laid_over(layers, moves)
        slope_x, slope_y = moved[:, 1] * side / 2, moved[:, 2] * side / 2  # pixels to halves of a side
        slopes = (torch.stack([slope_x, slope_y, slope_x * x, slope_y * y], 3) * inner[..., None]).flatten(1, 2)
        left = ((one - moved[:, :1])[:, 0] * inner).flatten(1)[..., None]
        curvature = slopes.mT @ slopes + 1e-3 * side**2 * torch.eye(4)
        moves = (moves + torch.linalg.solve(curvature, slopes.mT @ left)[..., 0]).clamp(-0.15, 0.15)
    return moves


def _agreement(one: Tensor, other: Tensor, moves: Tensor) -> Tensor:
    """The correlation of the details of two pictures, without their margins; float (m,)."""
    inner = _inner(one.shape[-1])
    one, other = _details(one, 6), _laid_over(_details(other, 6), moves)
    one, other = ((images * inner).flatten(1) for images in (one, other))
    return functional.cosine_similarity(one, other)


def _laid_over(images: Tensor, moves: Tensor) -> Tensor:
    side = images.shape[-1]
    x, y = torch.meshgrid(*[_places(side)] * 2, indexing="xy")
    shift_x, shift_y, stretch_x, stretch_y = moves[:, :, None, None].unbind(1)
    grid = torch.stack([x + stretch_x * x + shift_x, y + stretch_y * y + shift_y], 3)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _places(side: int) -> Tensor:
    """Where the pixels of a row lie, from -1 to 1."""
    return (torch.arange(side) + 0.5) / side * 2 - 1


def _inner(side: int) -> Tensor:
    """1 in the middle, 0 in the margin of a tenth, which may lie outside of the other picture; (side, side)."""
    inside = (_places(side).abs() < 0.8).float()
    return inside[:, None] * inside


def _unit(images: Tensor) -> Tensor:
    return images / images.std((1, 2, 3), correction=0, keepdim=True).clamp_min(1e-6)


def _smooth(images: Tensor) -> Tensor:
    """Blurred a little, so that slopes reach further."""
    return _mean_around(_mean_around(images, 1), 1)
