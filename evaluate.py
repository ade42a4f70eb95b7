"""Evaluate: judge a logged model on rows that it has not learned from, by the policy and against the champion."""

from reprise import Champion, TrustModel, evaluation_run, find_champion, load, main, read_policy, rows_to_judge


def evaluate(
    model: str = "latest",
    data: str = "held-out",
    target: str = "auto",
    policy: str = "policy.yaml",
    champion: Champion = "champion",
    *,
    trust_model: TrustModel = False,
) -> None:
    """Judge a logged model on its held-out rows, or on another table. Exit code 1 if the policy refuses it.

    Args:
        model: latest (training run), or any MLflow model URI.
        data: held-out (rows), or any table that train accepts.
        target: The column of the true labels, or auto for that of the training.
        policy: The file of the rules, relative to the project's folder.

    Example: python evaluate.py --model models:/reprise/3 --data new-rows.csv
    """
    rules = read_policy(policy)
    subject = load(model, trusted=trust_model)
    rival = find_champion(champion, subject, trusted=trust_model)
    rows = rows_to_judge(subject, data, target)
    with evaluation_run(subject) as run:
        run.judge(rows, rival, rules)


if __name__ == "__main__":
    main(evaluate)
