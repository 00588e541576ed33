namespace Gateway.Host.Bus;

/// <summary>A binding key of a topic exchange: words with dots between, <c>*</c> for one word, <c>#</c> for any number.</summary>
internal static class TopicPattern
{
    public static bool Matches(string pattern, string key) => Matches(pattern.Split('.'), key.Split('.'));

    private static bool Matches(ReadOnlySpan<string> pattern, ReadOnlySpan<string> key)
    {
        if (pattern.IsEmpty) return key.IsEmpty;
        if (pattern[0] == "#")
        {
            for (var skip = 0; skip <= key.Length; skip++)
                if (Matches(pattern[1..], key[skip..])) return true;
            return false;
        }

        return !key.IsEmpty && (pattern[0] == "*" || pattern[0] == key[0]) && Matches(pattern[1..], key[1..]);
    }
}
