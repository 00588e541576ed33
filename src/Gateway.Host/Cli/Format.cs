using System.Globalization;

namespace Gateway.Host.Cli;

/// <summary>How times, durations and amounts are shown.</summary>
internal static class Format
{
    /// <summary>Local time with its zone.</summary>
    public static string Time(DateTimeOffset time) => time.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss.fffzzz", CultureInfo.InvariantCulture);

    /// <summary>As swanctl: <c>35s</c>, <c>12m</c>, <c>3h</c>, <c>2d</c>.</summary>
    public static string Span(TimeSpan span) => span.TotalSeconds switch
    {
        < 0 => "0s",
        < 120 => $"{(long)span.TotalSeconds}s",
        < 7200 => $"{(long)span.TotalMinutes}m",
        < 172_800 => $"{(long)span.TotalHours}h",
        _ => $"{(long)span.TotalDays}d",
    };

    public static string Ago(DateTimeOffset? time) => time is { } t ? Span(DateTimeOffset.UtcNow - t) + " ago" : "";

    public static string Bytes(ulong bytes) => bytes switch
    {
        < 10_000 => bytes.ToString(CultureInfo.InvariantCulture),
        < 10_000_000 => (bytes / 1000.0).ToString("0.#k", CultureInfo.InvariantCulture),
        < 10_000_000_000 => (bytes / 1e6).ToString("0.#M", CultureInfo.InvariantCulture),
        _ => (bytes / 1e9).ToString("0.#G", CultureInfo.InvariantCulture),
    };

    public static string List(IEnumerable<string> items) => string.Join(", ", items);
}
