using Gateway.Policy.Sa;

namespace Gateway.Host.Vici.Views;

/// <summary>Traffic selectors as strongSwan prints them: as everywhere here, but two dots in a range of addresses.</summary>
internal static class SelectorWords
{
    public static string Of(TrafficSelector selector) => Of(selector.ToString());

    public static string Of(string selector)
    {
        var (dash, bracket) = (selector.IndexOf('-', StringComparison.Ordinal), selector.IndexOf('[', StringComparison.Ordinal));
        return dash < 0 || (bracket >= 0 && bracket < dash) ? selector : $"{selector[..dash]}..{selector[(dash + 1)..]}";
    }
}
