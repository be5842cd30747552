"""podman with images, containers and networks of its own, which leaves those of this machine alone."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

#: Debian package of each program that the engine and the stand-in images need.
PACKAGES = {
    "podman": "podman",
    "runc": "runc",
    "/usr/lib/podman/netavark": "netavark",
    "/usr/lib/podman/aardvark-dns": "aardvark-dns",
    "iptables": "iptables",
    "mmdebstrap": "mmdebstrap",
}

#: Open files, and processes of one user, in a container.
_LIMIT = 4096
_STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{directory}/images"
runroot = "{directory}/run"
[storage.options.overlay]
skip_mount_home = "true"
"""
# podman's own limits would be as high as the kernel allows, and raising a limit takes a capability that root in a
# container may lack.
_CONTAINERS = """\
[containers]
log_driver = "k8s-file"
default_ulimits = ["nofile={limit}:{limit}", "nproc={limit}:{limit}"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[network]
network_backend = "netavark"
network_config_dir = "{directory}/networks"
"""


def unavailable() -> str | None:
    """Return the reason why no containers can run here, with the fix; None if nothing is known to be missing."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "containers run only on Linux and as root here; run make test-compose as root"
    missing = [program for program in PACKAGES if shutil.which(program) is None]
    if missing:
        packages = " ".join(PACKAGES[program] for program in missing)
        return f"{', '.join(missing)} missing; run apt-get install {packages} debian-archive-keyring"
    return None


class Engine:
    """Runs podman on a directory of its own.

    Args:
        directory: Directory for images and containers. Images stay there, so that the next run need not build them.

    Attributes:
        environment: Environment variables for programs that call podman.
    """

    def __init__(self, directory: Path) -> None:
        (directory / "networks").mkdir(parents=True, exist_ok=True)
        storage, containers = directory / "storage.conf", directory / "containers.conf"
        storage.write_text(_STORAGE.format(directory=directory), encoding="utf-8")
        containers.write_text(_CONTAINERS.format(directory=directory, limit=_LIMIT), encoding="utf-8")
        self.environment = os.environ | {
            "CONTAINERS_STORAGE_CONF": str(storage),
            "CONTAINERS_CONF": str(containers),
            # podman schedules health checks by systemd; here, the tests run them.
            "DISABLE_HC_SYSTEMD": "true",
        }

    def run(
        self, *command: str, timeout: float = 60.0, check: bool = True, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program that may call podman, and return its output.

        Args:
            command: Program and arguments.
            timeout: Seconds after which the program is killed and the test fails.
            check: Whether the test fails if the program does.
            environment: Further environment variables.
        """
        result = subprocess.run(
            command,
            env={**self.environment, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        output = f"{result.stdout[-4000:]}\n{result.stderr[-4000:]}"
        assert not check or result.returncode == 0, f"{' '.join(command)} exited with {result.returncode}:\n{output}"
        return result

    def can_run_containers(self, directory: Path) -> str | None:
        """Return why a container of this machine's /usr can't run; None if it ran."""
        for link in ("bin", "lib", "lib64", "sbin"):
            (directory / link).symlink_to(f"usr/{link}")
        mount = ("--volume", "/usr:/usr:ro")
        result = self.run("podman", "run", "--rm", *mount, "--rootfs", str(directory), "/usr/bin/true", check=False)
        if result.returncode == 0:
            return None
        return f"containers cannot run here: {(result.stderr.strip().splitlines() or ['no reason given'])[-1]}"
