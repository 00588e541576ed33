using System.Diagnostics.CodeAnalysis;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Sa;

/// <summary>One word of <c>local_ts</c> or <c>remote_ts</c>.</summary>
/// <param name="Selector">With <paramref name="IsDynamic"/> only its protocol and ports count.</param>
/// <param name="IsDynamic"><c>dynamic</c>: the addresses are those of the IKE SA, or what was given in their place.</param>
public sealed record SelectorPattern(TrafficSelector Selector, bool IsDynamic)
{
    private const string Word = "dynamic";

    public static SelectorPattern Dynamic { get; } = new(TrafficSelector.OfPrefix(System.Net.IPAddress.Any, 0), true);

    /// <summary>Reads <c>dynamic</c>, <c>dynamic[tcp/80]</c> or a selector.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out SelectorPattern? pattern)
    {
        text = text.Trim();
        var isDynamic = text.StartsWith(Word, StringComparison.Ordinal);
        pattern = TrafficSelector.TryParse(isDynamic ? $"0.0.0.0/0{text[Word.Length..]}" : text, out var selector) ? new SelectorPattern(selector, isDynamic) : null;
        return pattern is not null;
    }

    /// <summary>The selectors, with what <c>dynamic</c> stands for.</summary>
    public IEnumerable<TrafficSelector> Fill(IEnumerable<TrafficSelector> dynamic) =>
        IsDynamic ? dynamic.Select(d => d with { Protocol = Selector.Protocol, StartPort = Selector.StartPort, EndPort = Selector.EndPort }) : [Selector];
}
