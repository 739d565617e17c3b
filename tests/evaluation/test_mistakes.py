import numpy as np

from cifarcnn.evaluation.mistakes import worst_mistakes


def test_the_surest_wrong_answers_come_first():
    probabilities = np.array(
        [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.05, 0.95], [0.4, 0.6]], np.float32
    )
    labels = np.array([0, 0, 1, 0, 0], np.uint8)
    assert worst_mistakes(probabilities, labels, 10) == [3, 1, 2, 4]
    assert worst_mistakes(probabilities, labels, 2) == [3, 1]
    assert worst_mistakes(probabilities[:1], labels[:1], 5) == []
