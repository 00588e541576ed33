using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Gateway.Policy.Events;

namespace Gateway.Projections;

/// <summary>A moment of the journal, as commands write it: <c>REV</c>, <c>@POSITION</c> or a time (RFC 3339; without offset UTC).</summary>
public abstract record Moment
{
    private Moment()
    {
    }

    /// <summary>Just after that transaction; 0 = before the first.</summary>
    public sealed record AtRevision(long Revision) : Moment
    {
        public override string ToString() => Revision.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Just after that event; 0 = before the first.</summary>
    public sealed record AtPosition(long Position) : Moment
    {
        public override string ToString() => $"@{Position}";
    }

    /// <summary>After the events up to that time, inclusive.</summary>
    public sealed record AtTime(DateTimeOffset Time) : Moment
    {
        public override string ToString() => Time.ToString("O", CultureInfo.InvariantCulture);
    }

    private static readonly string[] _forms = ["yyyy-MM-dd", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd HH:mm", "yyyy-MM-dd HH:mm:ss"];

    public static bool TryParse(string? text, [NotNullWhen(true)] out Moment? moment)
    {
        moment = null;
        if (string.IsNullOrEmpty(text)) return false;
        if (text[0] == '@') moment = Number(text[1..]) is { } position ? new AtPosition(position) : null;
        else if (Number(text) is { } revision) moment = new AtRevision(revision);
        else if (DateTimeOffset.TryParseExact(text, _forms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)) moment = new AtTime(time);
        return moment is not null;
    }

    /// <summary>True when <paramref name="e"/> comes after the moment. A revision is over with the event that closes it.</summary>
    /// <param name="revision">The revision that was in force before the event.</param>
    public bool IsBefore(JournalEvent e, long revision) => this switch
    {
        AtRevision at => revision >= at.Revision,
        AtPosition at => e.Position > at.Position,
        AtTime at => e.Time > at.Time,
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>True when the journal, read to its end, has come so far.</summary>
    internal bool IsReached(long position, long revision) => this switch
    {
        AtRevision at => at.Revision <= revision,
        AtPosition at => at.Position <= position,
        _ => true,
    };

    internal static long RevisionAfter(long revision, GatewayEvent e) => e is TransactionCommitted committed ? committed.Revision : revision;

    private static long? Number(string text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
