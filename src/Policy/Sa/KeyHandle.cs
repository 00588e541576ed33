namespace Gateway.Policy.Sa;

/// <summary>
/// Names a slot of the vault without telling anything of what it holds: a random 128-bit number, drawn when the slot is made and never used again.
/// Events and messages between projects carry this in place of a key.
/// </summary>
public readonly record struct KeyHandle(UInt128 Value)
{
    public static KeyHandle None => default;

    public bool IsNone => Value == UInt128.Zero;

    public override string ToString() => Value.ToString("x32", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Reads 32 hexadecimal digits.</summary>
    public static bool TryParse(string? text, out KeyHandle handle)
    {
        handle = None;
        // In halves: reading 128 bits at once costs many times as much.
        if (text is not { Length: 32 } || !TryHalf(text.AsSpan(0, 16), out var upper) || !TryHalf(text.AsSpan(16), out var lower)) return false;
        handle = new KeyHandle(new UInt128(upper, lower));
        return true;

        static bool TryHalf(ReadOnlySpan<char> digits, out ulong half) => ulong.TryParse(digits, System.Globalization.NumberStyles.AllowHexSpecifier, System.Globalization.CultureInfo.InvariantCulture, out half);
    }
}
