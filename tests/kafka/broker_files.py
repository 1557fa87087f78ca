"""What a broker keeps beside the records: checkpoints, leader epochs, producer states, aborted transactions."""

from kafka_cluster import kafka_script

CLEAN_MARK = ".kafka_cleanshutdown"


def entries(checkpoint):
    return checkpoint.read_text().splitlines()[2:] if checkpoint.exists() else []


def newest_snapshot(partition_dir):
    return max(partition_dir.glob("*.snapshot"), key=lambda path: int(path.stem), default=None)


def producers(snapshot):
    """As Kafka's own tool reads them."""
    text = kafka_script("dump-log", "--files", snapshot)
    return sorted(line for line in text.splitlines() if line.startswith("producerId"))


def aborted(partition_dir):
    return b"".join(path.read_bytes() for path in sorted(partition_dir.glob("*.txnindex")))


def epochs(partition_dir, end):
    """(epoch, start offset) of those that have records. A leader notes its own before it has written any."""
    pairs = [tuple(map(int, line.split())) for line in entries(partition_dir / "leader-epoch-checkpoint")]
    return [(epoch, start) for epoch, start in pairs if start < end]
