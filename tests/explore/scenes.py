"""Scenes with made-up numbers, for tests that draw. They show how a page looks, never what a model does."""

from __future__ import annotations

import base64
import math
import zlib
from typing import Any

import numpy as np

HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    "x" * 10_000,
    "שלום",
    "\u202eevil\u2069",
    "👨\u200d👩\u200d👧",
    "漢字",
    "\x07bell\x1b[31m",
    "e" + "\u0301" * 500,
    "]]><!--",
    "&lt;b&gt;",
    "\u2028",
    "🇫🇷",
    "❤\ufe0f",
    "__proto__",
    '"><svg onload=alert(2)>',
)
SOURCE = " The black cat ate the mouse ."
TARGET = " Le chat noir a mang|é la sou|ris ."
WEIGHTS_SAID = "rebuilt from the kernel's own queries and keys; rows sum to 1 within 2e-7"


def track(said: str, *, marks: tuple[str, ...] = ("", ""), prompt: int | None = None, splits: str = " ") -> dict[str, Any]:
    """A track of a text whose words are parted by blanks and whose pieces are parted by bars, between two marks."""
    words = [word for word in said.split(splits) if word]
    return words_track([word.split("|") for word in words], marks=marks, prompt=prompt)


def words_track(words: list[list[str]], *, marks: tuple[str, ...] = ("", ""), prompt: int | None = None) -> dict[str, Any]:
    """A track of words, each a list of its pieces."""
    tokens: list[dict[str, Any]] = []
    spans, groups, text = [], [], ""

    def mark(piece: str) -> None:
        if piece:
            groups.append([len(tokens), len(tokens) + 1])
            tokens.append({"piece": piece, "text": piece, "id": 2, "span": None, "word": None, "special": True})

    mark(marks[0])
    for number, pieces in enumerate(words):
        text += " " if text else ""
        start = len(text)
        groups.append([len(tokens), len(tokens) + len(pieces)])
        for k, piece in enumerate(pieces):
            tokens.append(
                {
                    "piece": ("" if k else " ") + piece,
                    "text": piece or "␣",
                    "id": 40 + len(tokens) * 7,
                    "span": [len(text), len(text) + len(piece)],
                    "word": number,
                    "special": False,
                }
            )
            text += piece
        spans.append([start, len(text)])
    mark(marks[1])
    return {"text": text, "prompt": len(tokens) if prompt is None else prompt, "tokens": tokens, "words": spans, "groups": groups}


def attention(name: str, heads: int, queries: str, keys: str) -> dict[str, Any]:
    side, layer, kind = name.split(".")
    return {
        "name": name,
        "side": side,
        "layer": int(layer),
        "kind": kind,
        "heads": heads,
        "queries": queries,
        "keys": keys,
        "causal": side == "decoder" and kind == "self",
        "mechanism": "scaled dot",
        "note": None,
    }


def b64(numbers: np.ndarray) -> str:
    return base64.b64encode(numbers.tobytes()).decode()


def pooled(weights: np.ndarray, size: int) -> np.ndarray:
    """Cells of the largest weight each, at most `size` on a side."""
    rows, columns = (min(size, side) for side in weights.shape)
    tall, wide = (
        np.minimum(np.arange(side) * count // side, count - 1) for side, count in zip(weights.shape, (rows, columns), strict=True)
    )
    out = np.zeros((rows, columns), dtype=weights.dtype)
    np.maximum.at(out, (tall[:, None], wide[None, :]), weights)
    return out


class Sham:
    """Answers every query of the explorer from numbers that it made up; counts what it was asked."""

    def __init__(self, scene: dict[str, Any], seed: int = 0):
        self.made, self.seed = scene, seed
        self.asked: list[dict[str, Any]] = []
        self._weights: dict[str, np.ndarray] = {}

    def ask(self, query: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(query)
        return getattr(self, query["ask"])(query)

    # --- weights --------------------------------------------------------------------------------------------------------
    def weights(self, name: str) -> np.ndarray:
        """All weights of one attention, heads x queries x keys: each head leans to another distance, and some to the first key."""
        if name not in self._weights:
            self._weights[name] = self._made(next(one for one in self.made["attentions"] if one["name"] == name))
        return self._weights[name]

    def _made(self, one: dict[str, Any]) -> np.ndarray:
        queries, keys = (len(self.made["tracks"][one[side]]["tokens"]) for side in ("queries", "keys"))
        draw = np.random.default_rng([self.seed, one["layer"], one["heads"], len(one["name"])])
        i, j = np.arange(queries)[:, None] * keys / queries, np.arange(keys)[None, :]
        made = []
        for head in range(one["heads"]):
            score = 2.2 * draw.standard_normal((queries, keys)).astype(np.float32) - np.abs(i - j - head % 3) * (2.5 if head % 2 else 0.4)
            score[:, 0] += 2.5 * (head % 4 == 3)
            if one["causal"]:
                score = np.where(j <= np.arange(queries)[:, None], score, -np.inf)
            score = np.exp(score - score.max(1, keepdims=True))
            made.append((score / score.sum(1, keepdims=True)).astype(np.float32))
        return np.stack(made)

    def _head(self, query: dict[str, Any]) -> np.ndarray:
        whole = self.weights(query["name"])
        seen = whole.mean(0) if query["head"] == "mean" else whole[query["head"]]
        if not query.get("words"):
            return seen
        one = next(one for one in self.made["attentions"] if one["name"] == query["name"])
        rows, columns = (self.made["tracks"][one[side]]["groups"] for side in ("queries", "keys"))
        summed = np.stack([seen[:, a:b].sum(1) for a, b in columns], 1)
        return np.stack([summed[a:b].mean(0) for a, b in rows])

    # --- answers --------------------------------------------------------------------------------------------------------
    def scene(self, _: dict[str, Any]) -> dict[str, Any]:
        return self.made

    def grid(self, query: dict[str, Any]) -> dict[str, Any]:
        heads = []
        for number, seen in enumerate(self.weights(query["name"])):
            thumb = pooled(seen, 24)
            label = {
                "name": ("previous token", "first token", "same word", "separators")[number % 4],
                "share": 0.83 - number / 20,
                "chance": 0.11,
            }
            entropy = float(-(seen * np.log(np.maximum(seen, 1e-12))).sum(1).mean())
            heads.append(
                {
                    "thumb": b64((thumb / thumb.max() * 255).round().astype(np.uint8)),
                    "size": thumb.shape[0],
                    "height": thumb.shape[0],
                    "width": thumb.shape[1],
                    "max": float(seen.max()),
                    "entropy": entropy,
                    "even": math.log(seen.shape[1]),
                    "first": float(seen[:, 0].mean()),
                    "distance": 3.2,
                    "label": label if number % 3 < 2 else None,
                }
            )
        return {"name": query["name"], "every": 1, "heads": heads}

    def tile(self, query: dict[str, Any]) -> dict[str, Any]:
        (top, end), (left, right) = query["rows"], query["columns"]
        seen = self._head(query)[top:end, left:right].copy()
        aside = {}
        if not query.get("sink", True):
            aside = {"aside": float(seen[:, 0].mean())}
            seen[:, 0] = 0
        small = pooled(seen, query["size"])
        most = float(small.max()) or 1.0
        return {
            "rows": [top, end],
            "columns": [left, right],
            "height": small.shape[0],
            "width": small.shape[1],
            "max": most,
            "data": b64((small / most * 255).round().astype(np.uint8)),
            **aside,
        }

    def row(self, query: dict[str, Any]) -> dict[str, Any]:
        row = self._head(query)[query["query"]]
        best = np.argsort(-row, kind="stable")[: query.get("top", 64)]
        best = best[row[best] > 0]
        kept = float(row[best].sum())
        return {
            "query": query["query"],
            "keys": best.tolist(),
            "weights": row[best].tolist(),
            "rest": max(0.0, 1 - kept),
            "kept": kept,
            "entropy": float(-(row * np.log(np.maximum(row, 1e-12))).sum()),
            "first": float(row[0]),
        }

    def column(self, query: dict[str, Any]) -> dict[str, Any]:
        column = self._head(query)[:, query["key"]]
        best = np.argsort(-column, kind="stable")[: query.get("top", 64)]
        return {"key": query["key"], "queries": best.tolist(), "weights": column[best].tolist(), "mean": float(column.mean())}

    def lines(self, query: dict[str, Any]) -> dict[str, Any]:
        seen = self._head(query)
        links = [[int(i), int(j), float(seen[i, j])] for i, j in np.argwhere(seen >= query["floor"])]
        links = sorted(links, key=lambda link: -link[2])[: query["most"]]
        return {"links": links, "kept": sum(link[2] for link in links) / len(seen)}

    def arith(self, query: dict[str, Any]) -> dict[str, Any]:
        row = self.weights(query["name"])[query["head"]][query["query"]]
        best = np.argsort(-row, kind="stable")[:6]
        keys = [self._key(int(key), float(row[key])) for key in best]
        return {
            "scale": 0.125,
            "score": "scaled dot",
            "weigh": "softmax",
            "width": 64,
            "query": self._vector(1),
            "keys": keys,
            "others": {"count": len(row) - len(keys), "weight": max(0.0, 1 - sum(key["weight"] for key in keys))},
            "logsum": 2.0,
            "output": self._vector(2),
            "check": 2.4e-7,
        }

    def _key(self, key: int, weight: float) -> dict[str, Any]:
        allowed = weight > 0
        score = math.log(weight) + 2.0 if allowed else None
        return {
            "key": key,
            **self._vector(key),
            "dot": 8 * score if score is not None else 1.25,
            "score": score,
            "bias": 0.0,
            "allowed": allowed,
            "weight": weight,
            "value": self._vector(key + 50),
            "brings": weight * 1.7,
        }

    def _vector(self, seed: int) -> dict[str, Any]:
        numbers = np.random.default_rng(seed).standard_normal(8)
        return {"numbers": [round(float(x), 4) for x in numbers], "norm": round(float(np.linalg.norm(numbers)) * 2.8, 3)}

    def step(self, query: dict[str, Any]) -> dict[str, Any]:
        i, steps, side = query["i"], self.made["steps"], "decoder" if self.made["steps"] else "encoder"
        at = steps[i]["at"] if steps else i
        token = self.made["tracks"]["target" if "target" in self.made["tracks"] else "text"]["tokens"][at]
        names = [one["name"].rpartition(".")[0] for one in self.made["attentions"] if one["side"] == side and one["kind"] == "self"]
        kinds = ["self", *(["cross"] if "target" in self.made["tracks"] else []), "feed-forward"]
        layers = [
            {
                "name": name,
                "parts": [{"name": kind, "norm": 1.0 + (k * 7 + at) % 5 + len(kind) / 9} for kind in kinds],
                "state": self._vector(k),
                "lens": [[" cat", 0.1 + k / 10], [" dog", 0.05], [" rat", 0.01]],
            }
            for k, name in enumerate(names)
        ]
        logits = [[piece, 9.0 - k * 0.9, p] for k, (piece, p) in enumerate(steps[i]["candidates"])] if steps else []
        return {
            "i": i,
            "at": at,
            "piece": token["piece"],
            "id": token["id"],
            "embedding": self._vector(at),
            "position": {"kind": "sinusoidal", "numbers": self._vector(at + 9)["numbers"]},
            "input": self._vector(at + 5),
            "layers": layers,
            "logits": logits,
            "choice": steps[i]["piece"] if steps else None,
            "p": steps[i]["p"] if steps else None,
        }

    def rollout(self, query: dict[str, Any]) -> dict[str, Any]:
        track = self.made["tracks"].get("source" if query["side"] == "encoder" else "target") or self.made["tracks"]["text"]
        shares = np.random.default_rng(query["place"]).random(len(track["tokens"])) ** 4
        return {"shares": (shares / shares.sum()).tolist(), "said": "attention rollout (Abnar and Zuidema 2020)"}

    def evidence(self, query: dict[str, Any]) -> dict[str, Any]:
        track, draw = self.made["tracks"].get("source") or self.made["tracks"]["text"], np.random.default_rng(len(query["method"]))
        words = [
            {
                "text": track["text"][a:b],
                "span": [a, b],
                "part": 0,
                "effect": float(draw.normal()),
                "attention": float(draw.random() / len(track["words"])),
            }
            for a, b in track["words"]
        ]
        return {
            "method": query["method"],
            "words": words,
            "of": "log-odds of positive",
            "agreement": 0.42,
            "faithfulness": {
                "comprehensiveness": 0.31,
                "sufficiency": 0.08,
                "measured_on": "made-up reviews",
                "n": 200,
                "rank": 1,
                "of": 5,
            },
            "said": ["Words were taken out one at a time."],
            "curve": [[k / 10, 2.0 - 3.1 * (k / 10) ** 0.4] for k in range(11)],
        }

    def edit(self, query: dict[str, Any]) -> dict[str, Any]:
        changed = bool(query.get("ablate") or query.get("mask") or query.get("swap"))
        text = (self.made["tracks"].get("target") or self.made["tracks"]["text"])["text"]
        candidates = [["positive", 0.9], ["negative", 0.1]]
        return {
            "before": {"text": text, "logp": -3.1, "candidates": candidates},
            "after": {
                "text": text.replace("noir", "blanc") if changed else text,
                "logp": -4.4 if changed else -3.1,
                "candidates": candidates[::-1] if changed else candidates,
            },
            "score_of_before": -7.5 if changed else -3.1,
            "change": -4.4 if changed else 0.0,
            "scene": self._edited() if changed else self.made,
            "tokens_changed": [2] if changed else [],
        }

    def _edited(self) -> dict[str, Any]:
        """The scene with two tokens in the place of the third that was written."""
        steps = self.made["steps"]
        return {**self.made, "steps": [*steps[:2], {**steps[2], "piece": " tout"}, {**steps[2], "piece": " blanc"}, *steps[3:]]}


# --- scenes -----------------------------------------------------------------------------------------------------------------
def steps_of(tokens: list[dict[str, Any]], places: list[int]) -> list[dict[str, Any]]:
    """What was written: the token after each place, with four that were not."""
    steps = []
    for at in places:
        piece = tokens[at + 1]["piece"] if at + 1 < len(tokens) else "</s>"
        p = 0.97 - (at * 37 % 50) / 100
        others = [[" un", (1 - p) / 2], [" ou", (1 - p) / 4], ["que", (1 - p) / 8], [" très", (1 - p) / 16]]
        steps.append({"at": at, "piece": piece, "id": 40 + at, "p": p, "candidates": [[piece, p], *others]})
    return steps


def tree(pieces: list[str], width: int = 3) -> dict[str, Any]:
    """A tree whose first branch wins; the others live a step and are dropped."""
    nodes: list[dict[str, Any]] = [{"id": 0, "parent": None, "piece": "<s>", "logp": 0.0, "total": 0.0, "step": 0, "state": "won"}]
    parent, total = 0, 0.0
    for step, piece in enumerate(pieces, 1):
        for k in range(width):
            logp = -0.15 - 1.1 * k
            nodes.append(
                {
                    "id": len(nodes),
                    "parent": parent,
                    "piece": piece if k == 0 else (" une", " du", " très")[k - 1],
                    "logp": logp,
                    "total": total + logp,
                    "step": step,
                    "state": ("won", "live" if step == len(pieces) else "dropped", "dropped")[min(k, 2)],
                }
            )
        parent, total = len(nodes) - width, total - 0.15
    return {"nodes": nodes}


def scene(tracks: dict[str, Any], attentions: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    first = next(iter(tracks.values()))
    return {
        "version": 1,
        "model": "made-up numbers",
        "family": "limelight",
        "parameters": 8_400_000,
        "task": "translate",
        "title": first["text"],
        "seconds": 0.21,
        "tracks": tracks,
        "attentions": attentions,
        "steps": [],
        "choice": None,
        "beams": None,
        "align": None,
        "trust": {"weights": WEIGHTS_SAID, "attention": WEIGHTS_SAID, "align": "Nothing to align: one text only."},
        "live": {"lab": False, "evidence": ["leave-one-out", "integrated gradients"]},
        "start": {"name": attentions[-1]["name"], "head": 1, "query": 2},
        **changes,
    }


def translation(**changes: Any) -> dict[str, Any]:
    """The black cat, from English to French: an encoder, a decoder, beams."""
    source, target = track(SOURCE, marks=("", "</s>")), track(TARGET, marks=("<s>", ""), prompt=1)
    attentions = [attention(f"encoder.{k}.self", 4, "source", "source") for k in range(3)]
    for k in range(3):
        attentions += [attention(f"decoder.{k}.self", 4, "target", "target"), attention(f"decoder.{k}.cross", 4, "target", "source")]
    steps = steps_of(target["tokens"], list(range(len(target["tokens"]))))
    return scene({"source": source, "target": target}, attentions, steps=steps, beams=tree([step["piece"] for step in steps]), **changes)


def generation(words: int = 12, *, layers: int = 2, heads: int = 4, **changes: Any) -> dict[str, Any]:
    """A decoder that goes on with a text of so many words."""
    text = track(" ".join(f"word{k}" if k % 5 else "and" for k in range(words)), prompt=words - 4)
    attentions = [attention(f"decoder.{k}.self", heads, "text", "text") for k in range(layers)]
    return scene(
        {"text": text}, attentions, task="generate", steps=steps_of(text["tokens"], list(range(words - 5, words - 1))), **changes
    )


def reading(words: tuple[str, ...] = ("not", "a", "bad", "film", "at", "all"), **changes: Any) -> dict[str, Any]:
    """An encoder that says a class of a text."""
    text = words_track([[word] for word in words], marks=("[CLS]", "[SEP]"))
    attentions = [attention(f"encoder.{k}.self", 4, "text", "text") for k in range(2)]
    choice = {"kind": "class", "label": "positive", "p": 0.91, "candidates": [["positive", 0.91], ["negative", 0.09]]}
    return scene({"text": text}, attentions, **{"task": "classify", "choice": choice, **changes})


def hostile() -> dict[str, Any]:
    """Words that break markup, columns and directions, in every place where a word can stand."""
    made = reading(
        HOSTILE,
        title="</title><script>alert(1)</script>",
        model='"><script>alert(2)</script>',
        choice={"kind": "class", "label": HOSTILE[0], "p": 0.9, "candidates": [[HOSTILE[0], 0.9], [HOSTILE[3], 0.1]]},
    )
    made["trust"] = dict.fromkeys(made["trust"], "<i>trust</i> \u202e& 'more'")
    return made


# --- bundles ------------------------------------------------------------------------------------------------------------------
def bundle(sham: Sham, *, best: int = 32) -> dict[str, Any]:
    """What a file keeps of a scene: see how rows are packed in `packed`."""
    made = sham.made
    start = made["start"]
    first, queries = f"{start['name']}/{start['head']}", sham.weights(start["name"]).shape[1]
    kept = {
        "grid": {one["name"]: sham.grid(one) for one in made["attentions"]},
        "rows": {one["name"]: packed(sham.weights(one["name"]), best) for one in made["attentions"]},
        "rest": {"share": 0.98, "say": f'This file keeps 98% of the weight. To see all: limelight look {made["model"]} "..." --web'},
        "arith": {
            f"{first}/{q}": sham.arith({"name": start["name"], "head": start["head"], "query": q}) for q in range(min(queries, 40))
        },
        "evidence": {method: sham.evidence({"method": method}) for method in made["live"]["evidence"]},
        "rollout": {f"decoder/{k}": sham.rollout({"side": "decoder", "place": k}) for k in range(4)},
        "steps": {str(i): sham.step({"i": i}) for i in range(min(40, len(made["steps"]) or len(made["tracks"]["text"]["tokens"])))},
    }
    return {"version": 1, "scene": made, "start": start, "kept": kept}


def packed(weights: np.ndarray, best: int) -> dict[str, Any]:
    """Rows of all heads: keys of two bytes and weights of one, best first, deflated."""
    heads, queries, keys = weights.shape
    t = min(best, keys)
    order = np.argsort(-weights, axis=2, kind="stable")[:, :, :t]
    shares = np.rint(np.take_along_axis(weights, order, 2) * 255).astype(np.uint8)
    places = np.where(shares > 0, order, 65535).astype("<u2")
    raw = b"".join(places[h].tobytes() + shares[h].tobytes() for h in range(heads))
    squeezed = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = squeezed.compress(raw) + squeezed.flush()
    return {
        "heads": heads,
        "n": queries,
        "keys": keys,
        "t": t,
        "kept": float(shares.sum() / 255 / heads / queries),
        "data": base64.b64encode(data).decode(),
    }
