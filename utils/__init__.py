"""The course's code, in the order in which data goes through it.

    parameters   what a reader may change, and the check of what was given
    backend      TensorFlow and Keras, imported once, quietly and repeatably
    datasets     rows and labels, split into train, validation and test
    models       every network of the course, as plain Keras models
    training     the visible `fit`: batch orders, inference-mode metrics
    replicates   one training per seed, many seeds, one compiled program
    measures     what is read off predictions: accuracy, wrong labels repeated
    claims       a sentence, its paired evidence and its verdict
    figures      pictures of replicated results and of effects
    cost         time and memory that a run took

A module imports only from those above it.
"""
