"""What people call the columns of their tables, in lower case."""

from __future__ import annotations

PATH_NAMES = (
    "file_name", "filename", "file", "path", "filepath", "file_path", "image", "img", "image_path", "image_file",
    "audio", "audio_path", "audio_file", "wav",
)  # fmt: skip
TEXT_NAMES = (
    "text", "sentence", "review", "content", "document", "body", "comment", "message", "tweet", "post", "utterance",
)  # fmt: skip
#: First and second text of a pair.
PAIR_NAMES = (
    ("premise", "hypothesis"), ("sentence1", "sentence2"), ("question1", "question2"), ("text_a", "text_b"),
    ("text1", "text2"), ("sentence_a", "sentence_b"), ("question", "sentence"),
)  # fmt: skip
LABEL_NAMES = (
    "label", "class", "category", "target", "labels", "class_name", "gold_label", "is_duplicate", "sentiment",
    "emotion", "intent", "topic",
)  # fmt: skip
GROUP_NAMES = ("group", "group_id")
SPLIT_NAMES = ("split", "subset", "partition")
KNOWN_NAMES = frozenset(
    [
        *PATH_NAMES,
        *TEXT_NAMES,
        *LABEL_NAMES,
        *GROUP_NAMES,
        *SPLIT_NAMES,
        *(name for pair in PAIR_NAMES for name in pair),
    ]
)
