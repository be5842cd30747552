"""Write every dashboard's JSON, which Grafana reads where it is provisioned."""

from deploy.grafana.boards import BOARDS, FOLDER, rendered

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in BOARDS:
        (FOLDER / f"{name}.json").write_text(rendered(name), encoding="utf-8")
