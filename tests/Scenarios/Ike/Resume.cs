using Gateway.Ike.Sa;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>The process dies at any moment and goes on from the vault: same SAs, same octets, no IV twice.</summary>
public sealed class Resume
{
    public static TheoryData<string, bool> Stories
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (var story in new[] { "set-up", "rekey-child", "rekey-child-by-right", "rekey-ike", "rekey-ike-by-right", "both-rekey-child", "both-rekey-ike", "delete-child", "delete", "liveness" })
            {
                data.Add(story, true);
                data.Add(story, false);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Stories))]
    public void A_side_that_dies_between_any_two_messages_goes_on_as_if_nothing_had_been(string story, bool left)
    {
        for (var at = 0; at < 12; at++)
        {
            var up = story != "set-up";
            static ConnectionSpec Patient(ConnectionSpec s) => s with { Keyingtries = 0, DpdDelay = new SwanDuration(60) };
            using var lab = up ? Lab.Up(Patient, seed: at + 1) : Lab.Configured(Patient, Patient, seed: at + 1);
            Begin(lab, story);
            for (var i = 0; i < at && lab.Step(); i++)
            {
            }

            (left ? lab.Left : lab.Right).KillAndResume();
            // What was not worth keeping is begun again.
            if (lab.Left.Sas.Count == 0 && !up) lab.Left.Initiate();
            // A half-open IKE SA is not kept; its initiator tries again when it has waited long enough.
            lab.Run(up ? 120 : 400);
            try
            {
                if (story == "delete") lab.AssertDown();
                else lab.AssertUp(children: story == "delete-child" ? 0 : 1);
                lab.AssertNoNonceTwice();
                lab.AssertNoFault();
            }
            catch (Exception e)
            {
                Assert.Fail($"{story}, killed after {at} messages: {e.Message}\n{string.Join('\n', lab.Trace.TakeLast(40))}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Stories))]
    public void A_side_that_dies_between_any_two_of_its_acts_goes_on_or_comes_up_again(string story, bool left)
    {
        // Each slot stored, each append of facts, each step of the dataplane, each datagram sent: the process ends right before it.
        for (var at = 0; ; at++)
        {
            var up = story != "set-up";
            static ConnectionSpec Patient(ConnectionSpec s) => s with { Keyingtries = 0, DpdDelay = new SwanDuration(60) };
            using var lab = up ? Lab.Up(Patient, seed: at + 1) : Lab.Configured(Patient, Patient, seed: at + 1);
            var mortal = left ? lab.Left : lab.Right;
            mortal.DiesAfter = at;
            var died = false;
            try
            {
                Begin(lab, story);
                lab.Run(up ? 120 : 100);
                died = mortal.Deaths > 0;
                mortal.DiesAfter = null;
                if (lab.Left.Sas.Count == 0 && !up) lab.Left.Initiate();
                lab.Run(400);
                if (story == "delete" && lab.Left.Sas.Count + lab.Right.Sas.Count > 0)
                {
                    // The order to delete was given to a process that died before it was carried out.
                    lab.Left.Terminate();
                    lab.Run(100);
                }

                if (story == "delete") lab.AssertDown();
                else if (story != "delete-child" || lab.Left.Installed.Count + lab.Right.Installed.Count == 0) lab.AssertUp(children: story == "delete-child" ? 0 : 1);
                else lab.AssertUp();
                lab.AssertJournalsAreTrue();
                lab.AssertNoNonceTwice();
                lab.AssertNoFault();
                lab.SendEsp();
            }
            catch (Exception e)
            {
                Assert.Fail($"{story}, died before act {at}: {e.Message}\n{string.Join('\n', lab.Trace.TakeLast(60))}");
            }

            if (!died)
            {
                // The story has that many acts on this side.
                Assert.True(at >= 2, $"only {at} acts");
                break;
            }

            Assert.True(at < 200, "The story does not end.");
        }
    }

    [Fact]
    public void A_child_that_was_taken_out_of_the_configuration_right_before_the_crash_is_closed_after_it()
    {
        using var lab = Lab.Up();
        var spec = Lab.LeftSpec;
        spec = spec with { Children = new Dictionary<string, ChildSpec> { ["other"] = spec.Children["net"] with { RemoteTs = ["10.9.0.0/24"] } } };
        Assert.True(ConnectionCompiler.TryCompile(new ConnectionName("lab"), spec, out var connection, out var error), error);
        lab.Left.Connections[0] = connection;
        lab.Left.KillAndResume();
        lab.Deliver();
        lab.AssertUp(children: 0);
        lab.AssertJournalsAreTrue();
    }

    private static void Begin(Lab lab, string story)
    {
        switch (story)
        {
            case "set-up": lab.Left.Initiate(); break;
            case "rekey-child": lab.Left.Rekey("net"); break;
            case "rekey-child-by-right": lab.Right.Rekey("net"); break;
            case "rekey-ike": lab.Left.Rekey(); break;
            case "rekey-ike-by-right": lab.Right.Rekey(); break;
            case "both-rekey-child":
                lab.Left.Rekey("net");
                lab.Right.Rekey("net");
                break;
            case "both-rekey-ike":
                lab.Left.Rekey();
                lab.Right.Rekey();
                break;
            case "delete-child": lab.Left.Terminate("net"); break;
            case "delete": lab.Left.Terminate(); break;
            case "liveness": lab.Run(61); break;
            default: throw new ArgumentOutOfRangeException(nameof(story));
        }
    }
}
