"""A small transformer encoder that reads a picture as the sequence of its rows of pixels."""

from __future__ import annotations

from ..backend import keras

NORMALIZED = ("before", "after")
PLACE_DEVIATION = 0.1  # of the numbers that tell a step its place, at the start


def transformer_encoder(
    image_shape: tuple[int, int],
    classes: int,
    *,
    size: int = 32,
    heads: int = 2,
    blocks: int = 2,
    normalized: str = "before",
    dropout_rate: float = 0.0,
) -> keras.Model:
    """Attention between the rows of a picture (Vaswani et al. 2017).

    Args:
        image_shape: height and width; each of the rows becomes one step of the sequence.
        classes: number of classes; the output is (pictures, classes), each summing to 1.
        size: numbers for each step of the sequence, a multiple of `heads`.
        heads: attention heads.
        blocks: blocks of attention and a feed-forward layer twice as wide.
        normalized: layer normalization 'before' attention and feed-forward, or 'after' the sum, as
            in the original (Xiong et al. 2020, https://arxiv.org/abs/2002.04745, compare both).
        dropout_rate: fraction dropped of the attention's weights and of what attention and
            feed-forward layer add, 0 <= rate < 1.

    Returns:
        A built, uncompiled `keras.Model`.

    Raises:
        ValueError: an argument that is not allowed.
    """
    if normalized not in NORMALIZED:
        raise ValueError(f"normalized is {normalized!r}; allowed are 'before' and 'after'")
    if not 0 <= dropout_rate < 1:
        raise ValueError(f"dropout_rate is {dropout_rate}; allowed is 0 up to, but not, 1")
    if min(size, heads, blocks) < 1 or size % heads:
        raise ValueError(
            f"size is {size}, heads {heads} and blocks {blocks}; they start at 1, and size is a "
            "multiple of heads"
        )

    def added(x, change):
        normalize = keras.layers.LayerNormalization()
        changed = change(normalize(x) if normalized == "before" else x)
        if dropout_rate:
            changed = keras.layers.Dropout(dropout_rate)(changed)
        x = keras.layers.Add()([x, changed])
        return normalize(x) if normalized == "after" else x

    def attend(x):
        attention = keras.layers.MultiHeadAttention(heads, size // heads, dropout=dropout_rate)
        return attention(x, x)

    def feed_forward(x):
        wide = keras.layers.Dense(2 * size, activation="relu", kernel_initializer="he_normal")
        return keras.layers.Dense(size)(wide(x))

    height, width = image_shape
    rows = keras.Input((height * width,))
    x = keras.layers.Reshape((height, width))(rows)
    # One bias for each step of the sequence: its place, learned.
    x = keras.layers.EinsumDense(
        "abc,cd->abd",
        output_shape=(height, size),
        bias_axes="bd",
        bias_initializer=keras.initializers.RandomNormal(stddev=PLACE_DEVIATION),
    )(x)
    for _ in range(blocks):
        x = added(x, attend)
        x = added(x, feed_forward)
    if normalized == "before":
        x = keras.layers.LayerNormalization()(x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    return keras.Model(rows, keras.layers.Dense(classes, activation="softmax")(x))
