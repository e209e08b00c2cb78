"""The course's code, in the order in which data goes through it.

    catalogue      which datasets there are, and how many rows each has
    parameters     what a reader may change, and the check of what was given
    intact         files that come with the course: read whole, or told by name
    backend        TensorFlow and Keras, imported once, quietly and repeatably
    fashion        a part of Fashion-MNIST that comes with the course
    datasets       rows and labels, split into train, validation and test
    models         every network of the course, as plain Keras models
    training       the visible `fit`, and one training per seed in one compiled program
    intervals      intervals that hold an effect as often as they say
    measures       what is read off replicates, for each seed and budget
    claims         a sentence, its paired evidence and its verdict
    protocol       one fair comparison of techniques: equal rows, tries and steps
    figures        pictures of replicated results and of effects
    atlas          what each technique does where, measured once and kept as a table
    calibration    whether probabilities can be trusted, measured once and kept as a table
    cost           time and memory that a run took, and the versions it ran with
    recorded_numbers  whether a run's numbers are those that are stored, on any processor
    confirmation   claims on all their seeds, beside the few that a run trains again
    checks         answers to exercises, judged by what must be true of them
    chapters       the notebooks as files: their parameters and their claims
    pages          one HTML page that needs nothing else
    reports        notebooks and tables of results as such pages
    kept           files of finished measurements, and what they were made by
    jobs           units of work, each done once, here or elsewhere
    sweeps         many such units on a Dask cluster
    exercises      a command: exercises and solutions from their sources
    rerun          a command: a chapter with other parameters, once or over a grid
    confirm        a command: the chapters on all confirmation seeds
    measure_atlas  a command: the tables of the atlas
    measure_calibration  a command: the table of calibration
    own_rows       rows of a reader's own, checked, and cut by each seed
    techniques     named techniques with their tries, and the Keras code of each
    comparison_page  what a comparison on such rows found, as tables, pictures and a page
    compare        a command: the protocol on rows of one's own

A module imports only from those above it.
"""
