namespace Gateway.Interop.Lab;

/// <summary>One end of the tunnel, whoever plays it: strongSwan or the gateway.</summary>
public interface ILabSide : IDisposable
{
    /// <summary>The IKE SAs it has, with their children.</summary>
    IReadOnlyList<LabIkeSa> Sas();

    /// <summary>Sets the connection up with its child; false with what it said when that failed.</summary>
    bool Initiate(out string said);

    void RekeyIke();

    void RekeyChild();

    /// <summary>Closes the IKE SA with its children.</summary>
    void Terminate();

    /// <summary>Ends it as a power cut would: nothing is sent any more.</summary>
    void Vanish();

    /// <summary>Its log so far, for assertions about what it saw and for failures.</summary>
    string Log { get; }
}

/// <summary>An IKE SA as its side reports it; SPIs as 16 hexadecimal digits.</summary>
public sealed record LabIkeSa(string InitiatorSpi, string ResponderSpi, bool Established, string RemoteAddress, int RemotePort, IReadOnlyList<LabChildSa> Children);

/// <summary>A CHILD SA as its side reports it; SPIs as eight hexadecimal digits, selectors as written by their side.</summary>
public sealed record LabChildSa(
    bool Installed, string SpiIn, string SpiOut, bool Encapsulated, IReadOnlyList<string> Local, IReadOnlyList<string> Remote, long PacketsIn, long PacketsOut);
