"""What an error of the Kafka client means, in a constant phrase."""

from __future__ import annotations

from kafka import errors

TOO_LARGE = "larger than the topic takes"

REFUSALS: tuple[type[Exception], ...] = (
    errors.MessageSizeTooLargeError,
    errors.RecordListTooLargeError,
    errors.InvalidRecordError,
)
"""What a broker says of a record that it will never take."""

_AWAY = "no answer from the broker"
_REASONS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((errors.MessageSizeTooLargeError, errors.RecordListTooLargeError), TOO_LARGE),
    ((errors.InvalidRecordError,), "not a record that the topic takes"),
    ((errors.TopicAuthorizationFailedError,), "the broker does not allow it (ACL of the topic)"),
    ((errors.ClusterAuthorizationFailedError,), "the broker does not allow it (ACL of the cluster)"),
    ((errors.SaslAuthenticationFailedError,), "the broker refuses our credentials"),
    ((errors.UnknownTopicOrPartitionError,), "the topic does not exist"),
    ((errors.InvalidTopicError, ValueError), "no topic may have this name"),
    ((errors.LeaderNotAvailableError,), "a partition has no leader"),
    (
        (errors.NotEnoughReplicasError, errors.NotEnoughReplicasAfterAppendError),
        "too few replicas are in sync",
    ),
    (
        (
            errors.KafkaTimeoutError,
            errors.KafkaConnectionError,
            errors.NodeNotReadyError,
            errors.RequestTimedOutError,
        ),
        _AWAY,
    ),
)


def reason_of(error: BaseException) -> str:
    """Say in a constant phrase what happened; nothing of the error's own text is told."""
    for classes, phrase in _REASONS:
        if isinstance(error, classes):
            return phrase
    return f"error of the broker or client: {type(error).__name__}"
