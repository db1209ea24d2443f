//! The configuration of an existing Choria node, used as it is.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use harness::broker::NatsServer;
use harness::client::{CLIENT, Client};
use harness::nodes::{N1, TestNode, status};
use harness::vectors;

fn server_conf(server: &NatsServer) -> String {
    let file = |name: &str| server.file(name).display().to_string();
    format!(
        "# /etc/choria/server.conf\n\
         identity = {N1}\n\
         collectives = mcollective\n\
         main_collective = mcollective\n\
         logfile = stdout\n\
         loglevel = info\n\
         classesfile = {classes}\n\
         plugin.yaml = {facts}\n\
         rpcauthorization = false\n\
         plugin.choria.server.provision = false\n\
         plugin.choria.use_srv = false\n\
         plugin.choria.middleware_hosts = {broker}\n\
         plugin.choria.status_file_path = {status}\n\
         plugin.security.provider = file\n\
         plugin.security.file.certificate = {certificate}\n\
         plugin.security.file.key = {key}\n",
        classes = file("classes.txt"),
        facts = file("facts.yaml"),
        broker = server.url(),
        status = file("status.json"),
        certificate = file("n1.example.net.pem"),
        key = file("n1.example.net-key.pem"),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_existing_nodes_file_and_plugin_folder_run_our_node() {
    let cases = vectors::node_behaviour();
    let server = NatsServer::start(&[N1, CLIENT]).await;
    // A broker's CA and the callers' are one in Choria: here the file holds both.
    let both = ["ca.pem"].map(|name| {
        let callers = std::fs::read_to_string(vectors::key(name)).unwrap();
        std::fs::read_to_string(server.file(name)).unwrap() + &callers
    });
    std::fs::write(server.file("cas.pem"), both.concat()).unwrap();
    std::fs::write(server.file("facts.yaml"), "country: mt\nos:\n  family: Debian\nmem: 512\n")
        .unwrap();
    std::fs::write(server.file("classes.txt"), "one\n").unwrap();
    let path = server.file("server.conf");
    std::fs::write(&path, server_conf(&server)).unwrap();
    std::fs::create_dir(server.file("plugin.d")).unwrap();
    let plugin = format!("file.ca = {}\n", server.file("cas.pem").display());
    std::fs::write(server.file("plugin.d/security.cfg"), plugin).unwrap();

    let mut client = Client::connect(&server, &["mcollective.reply.>", "choria.>"]).await;
    let node = TestNode::start(path, cases.first().unwrap().at_ms).await;
    assert!(client.next().await.subject.contains(".startup."));
    let mut finished = 0;
    for case in cases.iter().filter(|case| case.case.starts_with("filter: ")) {
        node.set_clock(case.at_ms);
        client.publish("mcollective.broadcast.agent.rpcutil", case.payload.clone()).await;
        finished += 1;
        node.wait_finished(finished).await;
        let answered = node.node().stats().counts().replies;
        let mut replies = client.settle().await.len();
        if case.answered && replies == 0 {
            client.next().await;
            replies += 1;
        }
        assert_eq!(replies, case.replies, "{} ({answered} answered)", case.case);
    }
    node.stop().await;
    assert_eq!(status(&server).get("identity").unwrap(), N1);
}
