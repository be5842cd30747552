"""Write the JSON of every dashboard, which Grafana's provisioning reads."""

from deploy.grafana.boards import BOARDS, FOLDER, render

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in BOARDS:
        (FOLDER / f"{name}.json").write_text(render(name), encoding="utf-8")
