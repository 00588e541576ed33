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
        var ok = UInt128.TryParse(text, System.Globalization.NumberStyles.AllowHexSpecifier, System.Globalization.CultureInfo.InvariantCulture, out var value) && text!.Length == 32;
        handle = ok ? new KeyHandle(value) : None;
        return ok;
    }
}
