"""ONNX Runtime with its telemetry client off. All modules import ONNX Runtime from here.

On Linux and macOS, the official packages send usage data to Microsoft by default (see `Privacy.md` in the package).
The client starts when ONNX Runtime is imported: it writes a device id and a database to the user's cache directory, and
contacts its server some seconds later. The environment variable prevents this, but only if it is set before the import;
processes started by this one inherit it. The call covers builds that do not read the variable.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort

ort.disable_telemetry_events()

__all__ = ["ort"]
