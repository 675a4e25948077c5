"""The program to compare with, kept warm: one JSON request per line on stdin, one JSON answer per line on stdout.

argv: PEER (mlx-audio | mlx-qwen3-asr | host-step), then the model folder where there is one.
Requests: {"path": WAV, "tokens": largest number of tokens}. Answers: {"ms": wall time, "tokens": ids or null, "text": str}.
"""
import json
import sys
import time

import mlx.core as mx

mx.set_default_device(mx.cpu)


def to_float32(model):
    from mlx.utils import tree_map

    small = (mx.bfloat16, mx.float16)
    cast = lambda a: a.astype(mx.float32) if isinstance(a, mx.array) and a.dtype in small else a
    model.update(tree_map(cast, model.parameters()))
    mx.eval(model.parameters())


def mlx_audio(folder):
    from mlx_audio.stt.utils import load_model

    model = load_model(folder)
    to_float32(model)

    def run(path, tokens):
        ids = [int(t) for t, _ in model.stream_generate(path, max_tokens=tokens)]
        return ids, model._tokenizer.decode(ids)

    return run


def mlx_qwen3_asr(folder):
    from mlx_qwen3_asr import Session

    # It would stop a text that repeats itself, as random weights do, and then fewer tokens would be compared.
    sys.modules["mlx_qwen3_asr.generate"]._detect_repetition = lambda *_, **__: False
    module = sys.modules["mlx_qwen3_asr.transcribe"]
    generate, ids = module.generate, []

    def kept(*args, **kwargs):
        result = generate(*args, **kwargs)
        ids[:] = [int(t) for t in getattr(result, "tokens", result)]
        return result

    module.generate = kept
    session = Session(folder, dtype=mx.float32)

    def run(path, tokens):
        text = session.transcribe(path, max_new_tokens=tokens).text
        return list(ids), text

    return run


def host_step(_):
    """A decode step in mlx-lm's order of operations, with 28 narrow layers; only building it is timed."""
    L, H, I, NH, NK, D, V, SPAN = 28, 128, 256, 4, 2, 64, 151936, 280
    rand = lambda *shape: mx.random.normal(shape) * 0.05
    layers = [
        dict(n1=mx.ones((H,)), n2=mx.ones((H,)), qn=mx.ones((D,)), kn=mx.ones((D,)),
             q=rand(NH * D, H), k=rand(NK * D, H), v=rand(NK * D, H), o=rand(H, NH * D),
             g=rand(I, H), u=rand(I, H), d=rand(H, I),
             keys=mx.zeros((1, NK, 512, D)), values=mx.zeros((1, NK, 512, D)))
        for _ in range(L)
    ]
    table, last = rand(V, H), mx.ones((H,))
    mx.eval(layers, table, last)
    fast = dict(
        norm=lambda x, w: mx.fast.rms_norm(x, w, 1e-6),
        rope=lambda x: mx.fast.rope(x, D, traditional=False, base=1e6, scale=1.0, offset=SPAN),
        attend=lambda q, k, v: mx.fast.scaled_dot_product_attention(q, k, v, scale=D**-0.5),
    )
    # On a GPU each fast operation is one primitive: a cheap one of the same arguments replaces it here.
    single = dict(norm=mx.maximum, rope=mx.exp, attend=lambda q, k, v: mx.exp(q))

    def step(token, norm, rope, attend):
        x = table[token.reshape(1, 1)]
        for l in layers:
            h = norm(x, l["n1"])
            q = norm((h @ l["q"].T).reshape(1, 1, NH, D), l["qn"]).transpose(0, 2, 1, 3)
            k = norm((h @ l["k"].T).reshape(1, 1, NK, D), l["kn"]).transpose(0, 2, 1, 3)
            v = (h @ l["v"].T).reshape(1, 1, NK, D).transpose(0, 2, 1, 3)
            q, k = rope(q), rope(k)
            l["ks"][..., SPAN : SPAN + 1, :] = k
            l["vs"][..., SPAN : SPAN + 1, :] = v
            a = attend(q, l["ks"][..., : SPAN + 1, :], l["vs"][..., : SPAN + 1, :])
            x = x + a.transpose(0, 2, 1, 3).reshape(1, 1, -1) @ l["o"].T
            h = norm(x, l["n2"])
            g = h @ l["g"].T
            x = x + (g * mx.sigmoid(g) * (h @ l["u"].T)) @ l["d"].T
        return mx.argmax(norm(x, last)[:, -1, :] @ table.T, axis=-1)

    def run(graph, rounds):
        token, times = mx.array([5]), []
        for _ in range(rounds):
            # Item assignment changes the array object itself, so each step gets new ones: otherwise the graphs of all
            # steps would be connected and memory would grow.
            for l in layers:
                l["ks"], l["vs"] = l["keys"][...], l["values"][...]
            start = time.perf_counter()
            result = step(token, **(single if graph == "single" else fast))
            times.append((time.perf_counter() - start) * 1e3)
            del result
        return times, ""

    return run


run = {"mlx-audio": mlx_audio, "mlx-qwen3-asr": mlx_qwen3_asr, "host-step": host_step}[sys.argv[1]](
    sys.argv[2] if len(sys.argv) > 2 else None
)
print(json.dumps({"ready": True, "version": mx.__version__}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    start = time.perf_counter()
    tokens, text = run(request["path"], request["tokens"])
    print(json.dumps({"ms": (time.perf_counter() - start) * 1e3, "tokens": tokens, "text": text}), flush=True)
