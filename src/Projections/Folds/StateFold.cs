namespace Gateway.Projections.Folds;

/// <summary>Everything that the journal leads to, folded together.</summary>
/// <param name="blame">Also who made each field: costs several times as much as the rest, so only who needs it asks for it.</param>
public sealed class StateFold(bool blame)
{
    public ConfigurationFold Configuration { get; } = new();

    public SaFold Sas { get; } = new();

    public LeaseBook Leases { get; private set; } = LeaseBook.Empty;

    public NatBlockBook NatBlocks { get; private set; } = NatBlockBook.Empty;

    public BlameFold? Blame { get; } = blame ? new BlameFold() : null;

    /// <summary>Of the last event.</summary>
    public long Position { get; private set; }

    public DateTimeOffset? Time { get; private set; }

    public void Apply(JournalFact e)
    {
        Configuration.Apply(e);
        Sas.Apply(e);
        Leases = Leases.Apply(e);
        NatBlocks = NatBlocks.Apply(e);
        Blame?.Apply(e);
        (Position, Time) = (e.Position, e.Time);
    }

    /// <summary>Goes on with these leases.</summary>
    public void Load(LeaseBook leases) => Leases = leases;

    /// <summary>Goes on with these blocks of ports.</summary>
    public void Load(NatBlockBook blocks) => NatBlocks = blocks;

    /// <summary>Goes on behind that event, of which a snapshot holds the rest.</summary>
    public void Load(long position, DateTimeOffset? time) => (Position, Time) = (position, time);

    public RunningConfigurationProjection ToProjection() => Configuration.ToProjection(Position, Time);
}
