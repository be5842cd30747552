"""The bundle store: paths stay inside it, bundles never change, and temporary copies are removed."""

import shutil
import tempfile
import uuid
from pathlib import Path

import fsspec
import pytest

from schemas.errors import BundleError, BundleMissingError
from schemas.messages import BundleRef
from stream.models.bundle import read_bundle
from stream.models.bundle_store import BundleStore


@pytest.fixture(params=["folder", "file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty store, for each kind of URL that needs no account."""
    folder = tmp_path / "store"
    return {"folder": str(folder), "file": folder.as_uri(), "memory": f"memory://{uuid.uuid4().hex}"}[request.param]


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Directory in which the bundle store makes temporary copies."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory


def contents(directory: Path) -> dict[str, bytes]:
    """Return the content of every file in a directory, by relative path."""
    return {f.relative_to(directory).as_posix(): f.read_bytes() for f in directory.rglob("*") if f.is_file()}


def test_a_fetched_bundle_equals_the_stored_one(url: str, bundle: Path) -> None:
    """A fetched bundle has exactly the bytes of every stored file, including files in folders."""
    (bundle / "metadata").mkdir()
    (bundle / "metadata" / "MLmodel").write_text("flavors: {}")
    store = BundleStore(url)
    assert not store.exists("fraud/1")
    store.put(bundle, "fraud/1")
    assert store.exists("fraud/1")
    with store.fetch("fraud/1") as copy:
        assert contents(copy) == contents(bundle)


def test_a_fetched_bundle_passes_its_audit(url: str, bundle: Path, ref: BundleRef) -> None:
    """A bundle fetched from any kind of store passes its audit."""
    store = BundleStore(url)
    store.put(bundle, ref.path)
    assert read_bundle(store, ref).sha256 == ref.sha256


def test_a_bundle_never_changes(url: str, bundle: Path) -> None:
    """The store rejects a second bundle at the same path, even an identical one."""
    store = BundleStore(url)
    store.put(bundle, "fraud/1")
    with pytest.raises(BundleError, match="immutable; publish under a new version"):
        store.put(bundle, "fraud/1")


@pytest.mark.parametrize(
    "path", ["", ".", "..", "../outside", "fraud/../../outside", "fraud/..", "/etc", "//etc", "/"], ids=repr
)
def test_a_path_stays_inside_the_store(path: str, url: str, bundle: Path) -> None:
    """The store rejects absolute paths, empty paths and paths outside the store before it reads or writes anything."""
    store = BundleStore(url)
    message = "must be relative and stay inside the store"
    with pytest.raises(BundleError, match=message):
        store.put(bundle, path)
    with pytest.raises(BundleError, match=message):
        store.fetch(path)
    with pytest.raises(BundleError, match=message):
        store.exists(path)


def test_a_missing_bundle_is_an_error(url: str, copies: Path) -> None:
    """Fetching a missing bundle raises a one-line error that names path and store, and leaves no copy behind."""
    with pytest.raises(BundleMissingError, match=r"^bundle fraud/9 cannot be read from ") as caught:
        BundleStore(url).fetch("fraud/9")
    assert "\n" not in str(caught.value)
    assert not list(copies.iterdir())


@pytest.mark.parametrize(
    ("url", "reason"), [("nosuch://bundles", "Protocol not known: nosuch"), ("cloud://bundles", "Install cloudfs")]
)
def test_the_error_for_a_store_that_cannot_be_opened_has_the_reason(url: str, reason: str) -> None:
    """The error says whether the kind of URL is unknown or its package is not installed."""
    fsspec.register_implementation("cloud", "cloudfs_of_no_package.Files", clobber=True, errtxt="Install cloudfs")
    with pytest.raises(BundleMissingError, match=rf"^bundle store {url} cannot be opened \({reason}"):
        BundleStore(url)


def test_a_partial_copy_cannot_be_read_as_a_bundle(
    url: str, bundle: Path, ref: BundleRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest is copied last, so a writer that is killed leaves nothing that passes for a bundle."""
    store = BundleStore(url)
    monkeypatch.setattr(store, "discard", lambda _: None)  # a killed writer removes nothing
    copy_file = store._files.put_file
    copied: list[str] = []

    def die_at_last_file(source: str, target: str) -> None:
        if len(copied) == len(contents(bundle)) - 1:
            raise OSError("the writer dies")
        copied.append(target.rpartition("/")[2])
        copy_file(source, target)

    monkeypatch.setattr(store._files, "put_file", die_at_last_file)
    with pytest.raises(BundleError, match="the writer dies"):
        store.put(bundle, ref.path)
    assert copied == ["model.onnx"]
    with pytest.raises(BundleMissingError, match=r"manifest.json is not in the bundle"):
        read_bundle(store, ref)


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=repr)
def test_a_failed_copy_is_removed(
    error: BaseException, url: str, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If copying stops after the first file (disk full, or Ctrl-C), the partial copy is removed from the store."""
    store = BundleStore(url)
    copy_file = store._files.put_file
    copied: list[str] = []

    def fail_at_second_file(source: str, target: str) -> None:
        if copied:
            raise error
        copied.append(target)
        copy_file(source, target)

    monkeypatch.setattr(store._files, "put_file", fail_at_second_file)
    with pytest.raises((BundleError, KeyboardInterrupt)):
        store.put(bundle, "fraud/7")
    assert copied
    assert not store.exists("fraud/7")
    monkeypatch.undo()
    store.put(bundle, "fraud/7")


@pytest.mark.parametrize("valid", [True, False])
def test_a_copy_exists_only_while_it_is_read(valid: bool, store: Path, ref: BundleRef, copies: Path) -> None:
    """The temporary copy is removed whether or not the audit passes, because a loaded model needs no files."""
    if not valid:
        shutil.copy(store / ref.path / "manifest.json", store / ref.path / "extra.json")
    try:
        read_bundle(BundleStore(str(store)), ref).check_parity()
    except BundleError:
        assert not valid
    assert not list(copies.iterdir())
