"""What a Spark session reads, from a process of its own: a session locks the tables until its process ends.

Reads statements by name as JSON from stdin, writes their rows by name, pickled, into the file that it is given.
"""

from __future__ import annotations

import json
import pickle
import sys
from contextlib import closing
from pathlib import Path

from retail.engines.spark import SparkConnection

if __name__ == "__main__":
    statements = json.load(sys.stdin)
    with closing(SparkConnection()) as connection:
        rows = {name: connection.fetch(statement) for name, statement in statements.items()}
    Path(sys.argv[1]).write_bytes(pickle.dumps(rows))
