namespace Gateway.Dataplane.Graph;

/// <summary>
/// A step of the packet walk: it takes a frame of packets and gives each one exactly one fate: an edge (Frame.Enqueue), a drop (Frame.Drop) or its end (Frame.Consume).
/// Nothing in <see cref="Process"/> may allocate, lock, throw, wait or log.
/// </summary>
internal interface INode
{
    static abstract NodeInfo Info { get; }

    static abstract void Process(ref Frame frame);
}
