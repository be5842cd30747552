"""The diagrams of docs/architecture.md: the life of a transaction, of a bundle and of a label."""

from deploy.reference.sequence_diagram import Step, render


def transaction() -> str:
    """Return docs/life-of-a-transaction.svg."""
    sender, kafka, reader, scorer, sink = "payment system", "Kafka", "source thread", "scorer", "sink"
    return render(
        "Life of a transaction: it is read, decoded, scored and committed in one Kafka transaction with its offset",
        (sender, kafka, reader, scorer, sink),
        (
            Step(sender, kafka, "transactions"),
            Step(kafka, reader, "a batch, read_committed"),
            Step(reader, reader, "remembers epoch, group metadata and start offset"),
            Step(reader, scorer, "batch channel, a Faust agent"),
            Step(scorer, scorer, "decodes; rejected messages become dead letters"),
            Step(scorer, scorer, "champion and challengers score the whole batch; the policy decides"),
            Step(scorer, sink, "decisions, alerts, shadow scores, dead letters, counts"),
            Step(sink, sink, "takes the next of three producers"),
            Step(sink, kafka, "one Kafka transaction: all outputs and the batch's offsets"),
            Step(kafka, sender, "decisions, each exactly once"),
            Step(
                sink,
                reader,
                "after a failure: nothing is committed, a new epoch, read again from the committed offsets",
            ),
        ),
    )


def bundle() -> str:
    """Return docs/life-of-a-bundle.svg."""
    training, store, updates, worker, ledger = "training", "bundle store", "model-updates", "worker", "ledger and gate"
    return render(
        "Life of a bundle: exported, audited, evaluated in shadow mode, promoted, and rolled back if it misbehaves",
        (training, store, updates, worker, ledger),
        (
            Step(training, training, "fits, calibrates, exports to ONNX and compares scores"),
            Step(training, store, "model.onnx, manifest.json, hashes"),
            Step(training, updates, "challenger, with the next epoch"),
            Step(updates, worker, "the complete assignment of roles"),
            Step(store, worker, "the bundle"),
            Step(worker, worker, "audits it: hashes, shapes, parity rows; keeps the old roles if it fails"),
            Step(worker, ledger, "shadow scores, then labels"),
            Step(ledger, training, "verdict of the gate: promote"),
            Step(training, updates, "champion, with the next epoch"),
            Step(updates, worker, "swapped between two batches"),
            Step(worker, updates, "rollback monitor: the previous champion, if bounds are crossed"),
        ),
    )


def label() -> str:
    """Return docs/life-of-a-label.svg."""
    source, kafka, ledger, gate, training = "bank or analyst", "Kafka", "ledger", "gate and monitors", "training"
    return render(
        "Life of a label: it arrives late, is stored, and counts once its decision has matured",
        (source, kafka, ledger, gate, training),
        (
            Step(source, kafka, "labels: fraud, legitimate or withdrawn"),
            Step(kafka, ledger, "with its offset, in one database transaction"),
            Step(ledger, ledger, "waits for its decision if it came first"),
            Step(ledger, ledger, "chargeback before analyst before cardholder; the latest of each source"),
            Step(ledger, gate, "outcomes of matured decisions"),
            Step(gate, gate, "a matured decision without a label is legitimate; an unreviewed decline stays unknown"),
            Step(gate, gate, "each closed cohort is evidence for or against the challenger"),
            Step(ledger, training, "matured outcomes; transactions as sent come from the archive"),
            Step(training, training, "retrains on request, and watches the share of missed frauds"),
        ),
    )
