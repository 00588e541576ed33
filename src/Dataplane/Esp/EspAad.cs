using System.Runtime.CompilerServices;
using Gateway.Dataplane.Nodes;

namespace Gateway.Dataplane.Esp;

/// <summary>The additional authenticated data of ESP with AES-GCM (RFC 4106 §5): SPI and the sequence number, 32 bits, or with ESN all 64.</summary>
internal static unsafe class EspAad
{
    /// <summary>Writes 8 or 12 bytes and returns how many.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Write(byte* at, SaEntry* sa, uint spi, ulong sequence)
    {
        Wire.Put32(at, spi);
        if ((sa->Flags & SaFlags.Esn) == 0)
        {
            Wire.Put32(at + 4, (uint)sequence);
            return 8;
        }
        Wire.Put64(at + 4, sequence);
        return 12;
    }
}
