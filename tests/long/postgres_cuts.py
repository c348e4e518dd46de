"""Break the connection of a delivery into PostgreSQL after byte n, for 300 n over its whole length; each is resumed.

The last line is {"cuts", "answered", "busy", "lost", "doubled", "ledger_wrong"}: deliveries that ended well in spite of the cut,
those that ended as busy and were resumed, and what must be 0.
"""

import json
import pathlib
import random
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from postgres_proxy import AfterBytes  # noqa: E402
from postgres_server import PostgresServer  # noqa: E402
from postgres_world import PostgresWorld, deliver_with_a_cut  # noqa: E402

CUTS = int(sys.argv[1]) if len(sys.argv) > 1 else 300
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 4


def main():
    draw = random.Random(SEED)
    out = {"cuts": 0, "answered": 0, "busy": 0, "lost": 0, "doubled": 0, "ledger_wrong": 0}
    with PostgresServer() as server, tempfile.TemporaryDirectory() as folder:
        world = PostgresWorld(pathlib.Path(folder) / "shop", server)
        whole = deliver_with_a_cut(world, AfterBytes())["bytes"]
        for k in range(CUTS):
            result = deliver_with_a_cut(world, AfterBytes(whole * k // CUTS + draw.randrange(whole // CUTS + 1)))
            out["cuts"] += result["cut"]
            out["answered" if result["code"] == 0 else "busy"] += 1
            out["lost"] += result["lost"]
            out["doubled"] += result["doubled"]
            out["ledger_wrong"] += result["ledger"] != 1
    print(json.dumps(out))
    return 0 if out["lost"] == out["doubled"] == out["ledger_wrong"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
