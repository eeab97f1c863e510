"""How the control group is found that gives a process its share of a processor."""

from pathlib import Path

import pytest

from benchmarks.errors import CannotMeasureError
from benchmarks.processor_share import control_group, own_group, share_of

VERSION_1 = "32 31 0:29 {root} {mount}/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
VERSION_2 = "41 31 0:38 {root} {mount} rw,relatime shared:4 - cgroup2 cgroup2 rw\n"
OTHER = "34 31 0:31 / {mount}/cpuset rw,relatime - cgroup cgroup rw,cpuset\n25 1 8:1 / / rw - ext4 /dev/sda1 rw\n"


def process(folder: Path, mounts: str, groups: str, root: str = "/") -> Path:
    """Return a folder like /proc/self."""
    (folder / "mountinfo").write_text(mounts.format(mount=folder / "groups", root=root))
    (folder / "cgroup").write_text(groups)
    (folder / "groups").mkdir()
    return folder


@pytest.mark.parametrize(
    ("mounts", "groups", "root", "own"),
    [
        pytest.param(OTHER + VERSION_1, "3:cpuset:/x\n1:cpu,cpuacct:/a/b\n", "/", "cpu/a/b", id="version 1"),
        pytest.param(VERSION_1 + VERSION_2, "1:cpu,cpuacct:/a\n0::/b\n", "/", "cpu/a", id="both, processors in 1"),
        pytest.param(OTHER + VERSION_2, "3:cpuset:/x\n0::/user.slice\n", "/", "user.slice", id="version 2"),
        pytest.param(VERSION_2, "0::/pod/a\n", "/pod", "a", id="a part of the groups is mounted"),
    ],
)
def test_the_own_group_is_the_one_that_limits_processors(
    tmp_path: Path, mounts: str, groups: str, root: str, own: str
) -> None:
    assert own_group(process(tmp_path, mounts, groups, root)) == tmp_path / "groups" / own


def test_a_system_without_control_groups_is_told_in_one_sentence(tmp_path: Path) -> None:
    asked = control_group(0.5, process(tmp_path, OTHER, "3:cpuset:/x\n"))

    with pytest.raises(CannotMeasureError, match="No control group can be made here: this system has no"), asked:
        pass


def test_the_group_has_the_share_of_each_period_and_leftovers_of_killed_runs_are_removed(tmp_path: Path) -> None:
    here = process(tmp_path, VERSION_2, "0::/\n")
    groups = tmp_path / "groups"
    (groups / "token-broker-bench-1").mkdir()

    with control_group(share_of(512), here) as group:
        group.limit(4711)
        (own,) = groups.glob("token-broker-bench-*")
        limit, moved = (own / "cpu.max").read_text(), (own / "cgroup.procs").read_text()
        # The kernel removes its files with the folder.
        for file in own.iterdir():
            file.unlink()

    assert (limit, moved) == ("5789 20000", "4711")
    assert not list(groups.glob("token-broker-bench-*"))
