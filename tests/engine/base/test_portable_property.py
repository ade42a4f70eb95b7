"""A cached property is computed once, also where its class arrives as code."""

import subprocess
import sys

import cloudpickle

from reprise.base.portable_property import portable_property

LOAD = """
import sys, cloudpickle
sent = cloudpickle.load(sys.stdin.buffer)()
print(sent.nine, sent.nine, type(sent).calls)
"""


def test_a_class_that_is_sent_as_code_computes_its_property_once() -> None:
    class Squares:  # of this function, and so sent by value
        calls = 0

        @portable_property
        def nine(self) -> int:
            type(self).calls += 1
            return 9

    here = Squares()
    assert (here.nine, here.nine, Squares.calls) == (9, 9, 1)
    Squares.calls = 0
    command = [sys.executable, "-c", LOAD]
    done = subprocess.run(command, input=cloudpickle.dumps(Squares), stdout=subprocess.PIPE, check=True)
    assert done.stdout.decode() == "9 9 1\n"
