using Gateway.Dataplane.Esp;
using Xunit;

namespace Gateway.Unit.Dataplane.Esp;

public sealed class EcnTests
{
    // RFC 6040 §4.2, Figure 4, written out by rows: inner field, then the results for outer Not-ECT, ECT(0), ECT(1), CE.
    [Theory]
    [InlineData(Ecn.NotEct, Ecn.NotEct, Ecn.NotEct, Ecn.NotEct, Ecn.Drop)]
    [InlineData(Ecn.Ect0, Ecn.Ect0, Ecn.Ect0, Ecn.Ect1, Ecn.Ce)]
    [InlineData(Ecn.Ect1, Ecn.Ect1, Ecn.Ect1, Ecn.Ect1, Ecn.Ce)]
    [InlineData(Ecn.Ce, Ecn.Ce, Ecn.Ce, Ecn.Ce, Ecn.Ce)]
    public void Congestion_marks_leave_the_tunnel_as_RFC_6040_says(byte inner, byte notEct, byte ect0, byte ect1, byte ce)
    {
        Assert.Equal(notEct, Ecn.Leave(inner, Ecn.NotEct));
        Assert.Equal(ect0, Ecn.Leave(inner, Ecn.Ect0));
        Assert.Equal(ect1, Ecn.Leave(inner, Ecn.Ect1));
        Assert.Equal(ce, Ecn.Leave(inner, Ecn.Ce));
    }
}
