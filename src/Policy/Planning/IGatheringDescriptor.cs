namespace Gateway.Policy.Planning;

/// <summary>
/// A descriptor for whose kind many changes together cost less than each by itself: where several of its steps follow one another, what they change takes effect with the last of them.
/// </summary>
public interface IGatheringDescriptor : IDescriptor
{
    /// <summary>Further steps follow; called before the first of them.</summary>
    void Gather();

    /// <summary>The last of them is done, or failed.</summary>
    void TakeEffect();
}
