namespace Gateway.Unit.Dataplane.Packets;

/// <summary>RFC 1071 word by word: the obvious twin of the dataplane's checksum.</summary>
internal static class SlowChecksum
{
    public static ushort Of(params ReadOnlySpan<byte> bytes)
    {
        var sum = 0;
        for (var i = 0; i < bytes.Length; i += 2)
        {
            sum += bytes[i] << 8 | (i + 1 < bytes.Length ? bytes[i + 1] : 0);
            if (sum > 0xFFFF) sum -= 0xFFFF;
        }
        return (ushort)~sum;
    }
}
