"""Writes docs/checks and the table of presets in docs/policy.md from the checks and presets themselves."""

from pathlib import Path

from tfx_savedmodel.operations.check_pages import page_files, with_presets

DOCS = Path(__file__).resolve().parent.parent / "docs"


def main() -> None:
    folder = DOCS / "checks"
    folder.mkdir(exist_ok=True)
    pages = page_files()
    for stale in {path.name for path in folder.iterdir()} - set(pages):
        (folder / stale).unlink()
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    policy = DOCS / "policy.md"
    policy.write_text(with_presets(policy.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{len(pages)} files in {folder}, and the presets in {policy}")


if __name__ == "__main__":
    main()
