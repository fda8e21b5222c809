from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LaunchRequest(_message.Message):
    __slots__ = ("run", "attempt", "epoch", "base_url", "key", "threads", "workers")
    RUN_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    BASE_URL_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    run: str
    attempt: int
    epoch: int
    base_url: str
    key: str
    threads: int
    workers: int
    def __init__(self, run: _Optional[str] = ..., attempt: _Optional[int] = ..., epoch: _Optional[int] = ..., base_url: _Optional[str] = ..., key: _Optional[str] = ..., threads: _Optional[int] = ..., workers: _Optional[int] = ...) -> None: ...

class Attempt(_message.Message):
    __slots__ = ("run", "attempt", "epoch", "pid", "born")
    RUN_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    BORN_FIELD_NUMBER: _ClassVar[int]
    run: str
    attempt: int
    epoch: int
    pid: int
    born: str
    def __init__(self, run: _Optional[str] = ..., attempt: _Optional[int] = ..., epoch: _Optional[int] = ..., pid: _Optional[int] = ..., born: _Optional[str] = ...) -> None: ...

class StatusRequest(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: str
    def __init__(self, run: _Optional[str] = ...) -> None: ...

class StatusReply(_message.Message):
    __slots__ = ("living", "slots")
    LIVING_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    living: _containers.RepeatedCompositeFieldContainer[Attempt]
    slots: int
    def __init__(self, living: _Optional[_Iterable[_Union[Attempt, _Mapping]]] = ..., slots: _Optional[int] = ...) -> None: ...

class KillRequest(_message.Message):
    __slots__ = ("run", "attempt")
    RUN_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    run: str
    attempt: int
    def __init__(self, run: _Optional[str] = ..., attempt: _Optional[int] = ...) -> None: ...

class KillReply(_message.Message):
    __slots__ = ("killed",)
    KILLED_FIELD_NUMBER: _ClassVar[int]
    killed: bool
    def __init__(self, killed: _Optional[bool] = ...) -> None: ...

class PredictRequest(_message.Message):
    __slots__ = ("artifact", "inputs", "max_input_tokens", "max_new_tokens", "stop", "pieces")
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    MAX_INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MAX_NEW_TOKENS_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    PIECES_FIELD_NUMBER: _ClassVar[int]
    artifact: str
    inputs: _containers.RepeatedScalarFieldContainer[str]
    max_input_tokens: int
    max_new_tokens: int
    stop: _containers.RepeatedScalarFieldContainer[str]
    pieces: bool
    def __init__(self, artifact: _Optional[str] = ..., inputs: _Optional[_Iterable[str]] = ..., max_input_tokens: _Optional[int] = ..., max_new_tokens: _Optional[int] = ..., stop: _Optional[_Iterable[str]] = ..., pieces: _Optional[bool] = ...) -> None: ...

class Answer(_message.Message):
    __slots__ = ("answer", "piece", "input")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    PIECE_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    answer: str
    piece: str
    input: int
    def __init__(self, answer: _Optional[str] = ..., piece: _Optional[str] = ..., input: _Optional[int] = ...) -> None: ...

class ClassifyRequest(_message.Message):
    __slots__ = ("artifact", "texts")
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    artifact: str
    texts: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, artifact: _Optional[str] = ..., texts: _Optional[_Iterable[str]] = ...) -> None: ...

class ClassifyReply(_message.Message):
    __slots__ = ("scores",)
    SCORES_FIELD_NUMBER: _ClassVar[int]
    scores: _containers.RepeatedCompositeFieldContainer[Score]
    def __init__(self, scores: _Optional[_Iterable[_Union[Score, _Mapping]]] = ...) -> None: ...

class Score(_message.Message):
    __slots__ = ("probabilities",)
    class ProbabilitiesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    probabilities: _containers.ScalarMap[str, float]
    def __init__(self, probabilities: _Optional[_Mapping[str, float]] = ...) -> None: ...

class HealthRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class HealthReply(_message.Message):
    __slots__ = ("version", "open")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    version: str
    open: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, version: _Optional[str] = ..., open: _Optional[_Iterable[str]] = ...) -> None: ...
