"""The homes of an explorer: a file that keeps its answers, a server for one reader, a notebook."""

from __future__ import annotations

import base64
import http.client
import json
import re
import sys
import threading
import types
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sheets import GRAMMAR

import limelight
from limelight.errors import InputError
from limelight.explore import Explorer
from limelight.explore.explorer import Asked
from limelight.explore.keeping import Budget, bundle
from limelight.explore.web import MOST_BODY, Server

Explored = Callable[..., Explorer]
Open = Callable[[str], Any]


def rows_of(kept: dict[str, Any], head: int) -> tuple[np.ndarray, np.ndarray]:
    """Keys and weights of a head, as the page unpacks them."""
    data = zlib.decompress(base64.b64decode(kept["data"]), -15)
    n, t = kept["n"], kept["t"]
    assert len(data) == kept["heads"] * n * t * 3
    mine = data[head * n * t * 3 : (head + 1) * n * t * 3]
    return np.frombuffer(mine[: 2 * n * t], "<u2").reshape(n, t), np.frombuffer(mine[2 * n * t :], "u1").reshape(n, t)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages keep no evidence, which is most of what they take."""
    monkeypatch.setattr("limelight.explore.keeping.WORK", 0)


# --- the file -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["en-fr", "gpt2-LMHeadModel", "bert-ForMaskedLM"])
def test_a_bundle_keeps_the_best_of_every_row(name: str, explored: Explored, bare: None) -> None:
    found = explored(name)
    made = bundle(found)
    json.dumps(made, allow_nan=False)
    assert made["scene"]["live"]["lab"] is False
    assert set(made["kept"]) == {"grid", "rows", "rest", "arith", "evidence", "rollout", "steps"}
    for each in found.scene.attentions:
        kept, weights = made["kept"]["rows"][each.name], found.reading.view(each.name).weights()[0]
        assert (kept["heads"], kept["n"], kept["keys"]) == tuple(weights.shape)
        for head in range(each.heads):
            keys, values = rows_of(kept, head)
            dense = torch.zeros(*weights.shape[1:])
            for i, (some, got) in enumerate(zip(keys, values, strict=True)):
                there = some < kept["keys"]
                assert (got[~there] == 0).all()
                assert (np.diff(got.astype(int)) <= 0).all()
                dense[i, some[there].astype(int)] = torch.tensor(got[there].astype("f4")) / 255
            assert dense.allclose(weights[head], atol=1 / 500)
        assert kept["kept"] > 0.97
    assert f"{made['kept']['rest']['share']:.1%}" in made["kept"]["rest"]["say"]


def test_a_budget_is_kept(explored: Explored, bare: None) -> None:
    found = explored("en-fr")
    whole, small = bundle(found), bundle(found, Budget(rows=9_000, arith=3_000, steps=4_000, rollout=500))
    size = sum(len(each["data"]) for each in small["kept"]["rows"].values())
    assert size <= 9_000 < sum(len(each["data"]) for each in whole["kept"]["rows"].values())
    assert small["kept"]["rest"]["share"] < whole["kept"]["rest"]["share"]
    for kind, most in (("arith", 3_000), ("steps", 4_000), ("rollout", 500)):
        assert len(json.dumps(small["kept"][kind], separators=(",", ":"))) <= most + 2
        assert 0 < len(small["kept"][kind]) < len(whole["kept"][kind])


def test_the_answers_that_are_kept_are_those_asked_for_first(explored: Explored, bare: None) -> None:
    found = explored("en-fr")
    made, start = bundle(found), found.scene.start
    assert f"{start.name}/{start.head}/{start.query}" in made["kept"]["arith"]
    assert list(made["kept"]["steps"]) == [str(i) for i in range(len(found.scene.steps))]
    wanted = found.ask({"ask": "rollout", "side": "encoder", "place": 0})
    assert made["kept"]["rollout"]["encoder/0"]["shares"] == pytest.approx(wanted["shares"], rel=1e-4)


def test_evidence_is_kept_where_it_takes_seconds(explored: Explored) -> None:
    found = explored("sentiment-en", "The camera is amazing.")
    made = bundle(found)
    assert list(made["kept"]["evidence"]) == list(found.scene.live.evidence) == made["scene"]["live"]["evidence"]
    wanted = found.ask({"ask": "evidence", "method": "leave-one-out"})
    for kept, word in zip(made["kept"]["evidence"]["leave-one-out"]["words"], wanted["words"], strict=True):
        assert kept["effect"] == pytest.approx(word["effect"], rel=1e-4)


def test_a_saved_page_needs_nothing_else(opened: Open, tmp_path: Path, bare: None) -> None:
    text = "</script><img src=x onerror=alert(1)> \u2028 the animal"
    found = Explorer.of(opened("gpt2-LMHeadModel"), text)
    path = found.save(tmp_path / "page.html")
    page = path.read_text(encoding="utf-8")
    (data,) = re.findall(r'<script type="application/json" id="bundle">(.*?)</script>', page, re.S)
    assert not set(data) & set("<>&\u2028\u2029")
    assert json.loads(data)["scene"]["tracks"]["text"]["text"].startswith(text)
    assert "<img" not in page.split('<script type="module">')[0]
    assert "default-src 'none'" in page
    assert "unsafe" not in re.findall(r'Content-Security-Policy" content="(.*?)"', page)[0]
    assert page == found.save(tmp_path / "again.html").read_text(encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written"):
        found.save(tmp_path / "nowhere" / "page.html")


@pytest.mark.slow
def test_512_tokens_of_144_heads_are_below_3_mb(tmp_path: Path) -> None:
    """The size of GPT-2 small in layers and heads, over a text of 512 tokens."""
    import tiny
    from limelight.hub import Opened
    from limelight.nn import Network
    from limelight.spec import decoder_only

    text = tiny.text()
    spec = decoder_only(vocab=len(text), dim=96, heads=12, depth=12, hidden=96, length=540)
    model = Network(spec).eval().requires_grad_(False)
    manifest = tiny.manifest(text, spec, aligner=None, task="generate", source_language=None, target_language=None)
    manifest = replace(manifest, generation=replace(manifest.generation, max_source=540, beam=1))
    words = " ".join(f"{s} {v} {o}." for s in tiny.SUBJECTS for v in tiny.VERBS for o in tiny.OBJECTS)
    given = text.decode(text.encode(words, marks=False).ids[:496])
    answer = Asked(to=" The little boy wants an apple. An old man sees the dog.")
    found = Explorer.of(Opened(model, text, manifest, tmp_path), given, answer)
    assert len(found.reading.passed.ids["text"]) > 500
    assert "leave-one-out" in found.scene.live.evidence
    path = found.save(tmp_path / "page.html")
    assert path.stat().st_size < 3_000_000
    (data,) = re.findall(r'id="bundle">(.*?)</script>', path.read_text(encoding="utf-8"), re.S)
    kept = json.loads(data)                                           # of so many words only what takes a few readings was measured
    assert kept["scene"]["live"]["evidence"] == list(kept["kept"]["evidence"]) == ["gradient-x-input", "attention"]


# --- the server ---------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def served(explored: Explored) -> Iterator[Server]:
    with explored("en-fr").serve() as server:
        yield server


def send(server: Server, method: str, path: str, body: bytes | str | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """One request as it stands: nothing is added but what http.client must."""
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    link.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    response = link.getresponse()
    found = response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    link.close()
    return found


def secret(server: Server) -> str:
    return server.url.split("/")[3]


def ask(server: Server, query: object, **headers: str) -> tuple[int, Any]:
    body = query if isinstance(query, bytes) else json.dumps(query).encode()
    status, _, said = send(server, "POST", f"/{secret(server)}/ask", body, **{"Content_Type": "application/json", **headers})
    return status, json.loads(said)


def test_the_page_and_its_answers_are_served(served: Server, enfr: Explorer) -> None:
    status, headers, page = send(served, "GET", f"/{secret(served)}/")
    assert status == 200
    assert b'<limelight-look src="ask">' in page
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "connect-src 'self'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    query = {"ask": "row", "name": "encoder.0.self", "query": 1}
    assert ask(served, query) == (200, json.loads(json.dumps(enfr.ask(query))))
    status, wrong = ask(served, {"ask": "nothing"})
    assert (status, set(wrong)) == (200, {"error", "hint"})


@pytest.mark.parametrize("path", ["/", "/ask", "/wrong/", "/wrong/ask", "/{secret}", "/{secret}/other", "/{secret}/../{secret}/"])
def test_without_the_secret_there_is_nothing(path: str, served: Server) -> None:
    path = path.format(secret=secret(served))
    for method in ("GET", "POST"):
        status, _, said = send(served, method, path, b"{}" if method == "POST" else None, Content_Type="application/json")
        assert status == 404
        assert secret(served).encode() not in said


def test_other_names_and_other_sites_are_refused(served: Server) -> None:
    for host in ("evil.example", f"evil.example:{served.port}", "127.0.0.1.evil.example", ""):
        assert ask(served, {"ask": "scene"}, Host=host)[0] == 403
        assert send(served, "GET", f"/{secret(served)}/", Host=host)[0] == 403
    assert ask(served, {"ask": "scene"}, Host=f"localhost:{served.port}")[0] == 200
    assert ask(served, {"ask": "scene"}, Sec_Fetch_Site="cross-site")[0] == 403
    assert send(served, "GET", f"/{secret(served)}/", Sec_Fetch_Site="cross-site")[0] == 200      # a link that somebody clicked


def test_what_is_no_question_is_refused(served: Server) -> None:
    assert ask(served, b"{")[0] == 400
    assert ask(served, b"[" * 5000)[0] == 400
    assert ask(served, b"\xff\xfe")[0] == 400
    assert ask(served, {"ask": "scene"}, Content_Type="text/plain")[0] == 415
    assert send(served, "POST", f"/{secret(served)}/ask", None, Content_Type="application/json", Content_Length="x")[0] == 411
    status, said = ask(served, b" " * 10, Content_Length=str(MOST_BODY + 1))
    assert (status, said["error"]) == (413, "a question has at most 65,536 bytes.")
    assert send(served, "PUT", f"/{secret(served)}/ask")[0] == 501
    assert ask(served, {"ask": "scene"})[0] == 200


def test_a_bug_is_told_and_the_page_goes_on(served: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Explorer, query: object) -> None:
        raise ZeroDivisionError("made for this test")

    with monkeypatch.context() as patch:
        patch.setattr(Explorer, "ask", broken)
        status, said = ask(served, {"ask": "scene"})
        assert (status, said["error"]) == (500, "ZeroDivisionError: made for this test")
    assert ask(served, {"ask": "scene"})[0] == 200


def test_many_may_ask_at_once(served: Server, enfr: Explorer) -> None:
    queries = [{"ask": "row", "name": each.name, "query": i} for each in enfr.scene.attentions for i in range(2)]
    queries += [{"ask": "edit", "mask": [i]} for i in range(2)] + [{"ask": "edit"}]
    found: dict[int, Any] = {}
    threads = [threading.Thread(target=lambda i=i: found.update({i: ask(served, queries[i])})) for i in range(len(queries))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wanted = [enfr.ask(query) for query in queries]
    for i, query in enumerate(queries):
        status, answer = found[i]
        assert status == 200
        if query["ask"] == "row":
            assert answer == json.loads(json.dumps(wanted[i]))
        else:
            assert answer["after"] == wanted[i]["after"]


def test_a_port_that_is_taken_is_said(served: Server, enfr: Explorer) -> None:
    with pytest.raises(InputError, match=f"port {served.port} cannot be listened on"):
        enfr.serve(port=served.port)
    with pytest.raises(InputError, match="port 70000 cannot be listened on"):
        enfr.serve(port=70000)


def test_it_is_of_this_machine_alone(served: Server) -> None:
    assert served._server.server_address[0] == "127.0.0.1"
    assert len(secret(served)) >= 32


# --- the notebook -------------------------------------------------------------------------------------------------------
def test_without_anywidget_a_notebook_shows_the_file(explored: Explored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    found = explored("distilbert-ForSequenceClassification", GRAMMAR)
    shown = found._repr_mimebundle_()
    assert set(shown) == {"text/html", "text/plain"}
    assert shown["text/html"].startswith("<iframe")
    assert 'sandbox="allow-scripts allow-downloads"' in shown["text/html"]
    assert shown["text/html"] == found._repr_html_()
    assert "the animal" in shown["text/plain"]


def test_with_anywidget_its_messages_are_answered(explored: Explored, monkeypatch: pytest.MonkeyPatch) -> None:
    from limelight.explore import widget

    class AnyWidget:
        """What anywidget's own does with messages."""

        def __init__(self) -> None:
            self.sent: list[Any] = []

        def on_msg(self, heard: Callable[[Any, Any, Any], None]) -> None:
            self.heard = heard

        def send(self, content: Any) -> None:
            self.sent.append(content)

        def _repr_mimebundle_(self, **how: Any) -> dict[str, Any]:
            return {"application/vnd.jupyter.widget-view+json": how}

    module = types.ModuleType("anywidget")
    module.AnyWidget = AnyWidget                                      # pyright: ignore[reportAttributeAccessIssue]
    module.__spec__ = types.SimpleNamespace(name="anywidget")         # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "anywidget", module)
    widget._kind.cache_clear()
    found = explored("bert-Model")
    made = widget.widget(found)
    made.heard(made, {"id": 7, "query": {"ask": "row", "name": "encoder.0.self", "query": 1}}, [])
    made.heard(made, {"id": 8}, [])
    assert made.sent[0] == {"id": 7, "answer": found.ask({"ask": "row", "name": "encoder.0.self", "query": 1})}
    assert set(made.sent[1]["answer"]) == {"error", "hint"}
    assert "export default { render: widget }" in made._esm
    assert "application/vnd.jupyter.widget-view+json" in found._repr_mimebundle_()
    widget._kind.cache_clear()


def test_the_package_has_it_by_name(opened: Open) -> None:
    assert limelight.Explorer is Explorer
    assert isinstance(limelight.explorer(opened("bert-Model"), GRAMMAR), Explorer)
    with pytest.raises(limelight.TaskError, match='no model "en-fz"'):
        limelight.explorer("en-fz", "x")
