namespace Gateway.Host.Journal.EventStore;

/// <summary>A call to the store failed.</summary>
internal sealed class StoreException(StoreFailure failure, GrpcStatus status, string message, Exception? inner = null) : Exception(message, inner)
{
    public StoreFailure Failure { get; } = failure;

    public GrpcStatus Status { get; } = status;

    /// <summary>With <see cref="StoreFailure.NotLeader"/>: who is, when the node knows.</summary>
    public StoreEndpoint? Leader { get; init; }

    /// <summary>With <see cref="StoreFailure.TooLarge"/>: the most octets that one append may have.</summary>
    public int? MaxAppendSize { get; init; }

    /// <summary>The same call may succeed later, or at another node.</summary>
    public bool IsPassing => Failure is StoreFailure.NotSent or StoreFailure.NotLeader or StoreFailure.Unclear;
}

/// <summary>What a failed call says about its effect.</summary>
internal enum StoreFailure
{
    /// <summary>Nobody received it: no connection could be made, or no node could be found.</summary>
    NotSent,

    /// <summary>The node refused it, because it is not the leader.</summary>
    NotLeader,

    /// <summary>It may have had its effect: no answer, half an answer, or one that does not say.</summary>
    Unclear,

    /// <summary>Refused: wrong credentials, or not allowed.</summary>
    Denied,

    /// <summary>Refused: the certificate of the other side, or ours, is not good.</summary>
    Certificate,

    /// <summary>Refused: the append is larger than the store takes.</summary>
    TooLarge,

    /// <summary>Refused: the stream was deleted for good.</summary>
    StreamDeleted,

    /// <summary>Refused for another reason: repeating it is useless.</summary>
    Refused,
}
